"""Figures of syntactic test suites: accuracy by suite, and surprisal by region."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from psylm.figures.drawn import Drawn
from psylm.figures.forest import proportions
from psylm.figures.regions import regions, regions_caption
from psylm.figures.style import DOUBLE, new_figure
from psylm.prose.apa import spread
from psylm.stimuli.predictions import ALL, parse, places
from psylm.stimuli.regions import parse_regions

NAMED = re.compile(r"(\d+) ([^,()]+)")
"""A region's number and name, as the cards of the suites have them."""


def draw_accuracy(predictions: pd.DataFrame, titles: Mapping[str, str], model: str) -> Drawn:
    """Draw the share of items of which each suite's predictions are true, for one model.

    Parameters
    ----------
    predictions : DataFrame
        Rows of one model: `stimuli`, `prediction` (its number) and what `prediction_row` gives.
    titles : mapping of str to str
        What each set is called.
    model : str
        The model's name.
    """
    several = predictions.duplicated("stimuli", keep=False)
    name = predictions["stimuli"].map(titles)
    name = name + ("  (" + predictions["prediction"].astype(str) + ")").where(several, "")
    figure, panels = new_figure(DOUBLE * 0.9, 0.6 + 0.2 * len(predictions))
    proportions(predictions.assign(name=name), "name", axes=panels[0]).set_xlabel(
        "Share of items of which the prediction is true"
    )
    return Drawn(
        figure,
        f"Accuracy of {model} on {predictions['stimuli'].nunique()} syntactic test suites (Hu et al. 2020): the "
        f"share of items whose surprisals fulfil the suite's prediction, with 95% Wilson intervals; n = "
        f"{spread(predictions['n'])} items a suite.",
    )


def draw_regions(rows: pd.DataFrame, items: pd.DataFrame, card: dict[str, Any], what: str) -> Drawn:
    """Draw surprisal by region, a line a condition, with the regions that the predictions are about.

    Parameters
    ----------
    rows : DataFrame
        Rows of `psylm.stats.conditions.suites.region_rows` of one model and suite.
    items : DataFrame
        The suite's items, with `regions` and `predictions`.
    card : dict
        The suite's card.
    what : str
        The suite and the model, for the caption.
    """
    first = [str(region.name) for region in parse_regions(items["regions"].iloc[0])]
    order = list(dict.fromkeys([*first, *rows["region"].astype(str)]))
    predicted = {region for text in json.loads(items["predictions"].iloc[0]) for region, _ in places(parse(text))}
    conditions = card["factors"]["condition"]
    figure, panels = new_figure(DOUBLE * 0.75, 2.6)
    named = dict(NAMED.findall(card["columns"].get("regions", "")))
    marked = sorted(predicted - {ALL})
    regions(rows, order=order, groups=conditions, within=True, marked=marked, names=named, axes=panels[0])
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=min(len(conditions), 4))
    return Drawn(
        figure,
        f"{regions_caption(rows, what, within=True)} Shaded: the regions that the predictions name.",
    )
