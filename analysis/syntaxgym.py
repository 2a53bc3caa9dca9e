"""Are the predictions of a syntactic test suite true of the model? Accuracy by suite, and surprisal by region.

Needs the measure `surprisal` with `units: [region]`, on sets that carry predictions (SyntaxGym's, Hu et al. 2020). An
item counts as a success if the formula of the prediction is true of the model's surprisals.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from itertools import product

import pandas as pd

from psylm.figures.forest import proportions
from psylm.figures.regions import regions, regions_caption
from psylm.figures.style import DOUBLE, new_figure
from psylm.prose.apa import count, interval, percent, share
from psylm.report.analyses import Drawn
from psylm.runs.run import Run
from psylm.stats.inference.intervals import mean_interval, proportion_interval, within_intervals
from psylm.stimuli.predictions import ALL, evaluate, parse, places
from psylm.stimuli.regions import parse_regions

REQUIRES = ("surprisal",)

NAMED = re.compile(r"(\d+) ([^,()]+)")
"""A region's number and name, as the cards of the suites have them."""


def tables(run: Run) -> dict[str, pd.DataFrame]:
    """Compute the accuracy of every prediction, and mean surprisal by region and condition."""
    predictions: list[dict[str, object]] = []
    regions: list[dict[str, object]] = []
    for model, stimuli in product(run.model_names, run.stimulus_names):
        items = run.items(stimuli)
        if "predictions" not in items:
            continue
        surprisals = _surprisals(run, model, stimuli)
        named = {"model": model, "stimuli": stimuli}
        for number, text in enumerate(json.loads(items["predictions"].iloc[0]), start=1):
            predictions.append(named | {"prediction": number} | _accuracy(text, surprisals))
        regions += [named | row for row in _regions(surprisals)]
    return {"predictions": pd.DataFrame(predictions), "regions": pd.DataFrame(regions)}


def _regions(surprisals: dict[tuple[str, str], pd.Series]) -> Iterator[dict[str, object]]:
    """Give each region's mean and its intervals by items: of the mean, and for comparing conditions within items."""
    for region in dict.fromkeys(region for region, _ in surprisals if region != ALL):
        wide = pd.DataFrame({condition: one for (name, condition), one in surprisals.items() if name == region})
        within = within_intervals(wide)
        for condition, one in wide.items():
            mean, low, high = mean_interval(one)
            yield {
                "region": region, "condition": condition, "estimate": mean, "low": low, "high": high,
                "within_low": within.loc[condition, "low"], "within_high": within.loc[condition, "high"],
                "n": int(one.notna().sum()),
            }  # fmt: skip


def _surprisals(run: Run, model: str, stimuli: str) -> dict[tuple[str, str], pd.Series]:
    """Return the surprisal of each region and condition, by item; of all regions together as well."""
    names = {region.name for cell in run.items(stimuli)["regions"] for region in parse_regions(cell)}
    results = run.results
    rows = results[
        (results["model"] == model) & (results["stimuli"] == stimuli) & (results["measure"] == "surprisal")
        & (results["word_id"] == -1) & results["region"].isin(names)
    ]  # fmt: skip
    wide = rows.pivot(index="item", columns=["region", "condition"], values="value")
    found = {(str(region), str(condition)): wide[region, condition] for region, condition in wide.columns}
    for condition in dict.fromkeys(condition for _, condition in found):
        regions = [one for (_, other), one in found.items() if other == condition]
        found[ALL, condition] = pd.concat(regions, axis=1).sum(axis=1, skipna=False)
    return found


def _accuracy(text: str, surprisals: dict[tuple[str, str], pd.Series]) -> dict[str, object]:
    """Evaluate a prediction on the items for which everything it speaks of has a value."""
    formula = parse(text)
    needed = dict.fromkeys(places(formula))
    if not needed.keys() <= surprisals.keys():
        return {"estimate": math.nan, "low": math.nan, "high": math.nan, "n": 0, "formula": text}
    whole = pd.concat({place: surprisals[place] for place in needed}, axis=1).dropna()
    hits = evaluate(formula, {place: whole[place] for place in needed})
    share, low, high = proportion_interval(int(hits.sum()), len(hits))
    return {"estimate": share, "low": low, "high": high, "n": len(hits), "formula": text}


def figures(run: Run, tables: dict[str, pd.DataFrame]) -> dict[str, Drawn]:
    """Draw the accuracy of all suites, and each suite's surprisal by region."""
    drawn: dict[str, Drawn] = {}
    for model in run.model_names:
        predictions = tables["predictions"][tables["predictions"]["model"] == model]
        drawn[f"accuracy-{model}"] = _draw_accuracy(run, predictions, model)
        for stimuli, rows in tables["regions"][tables["regions"]["model"] == model].groupby("stimuli", sort=False):
            drawn[f"regions-{stimuli}-{model}"] = _draw_regions(rows, run, str(stimuli), model)
    return drawn


def _draw_accuracy(run: Run, predictions: pd.DataFrame, model: str) -> Drawn:
    several = predictions.duplicated("stimuli", keep=False)
    name = predictions["stimuli"].map(lambda stimuli: run.card(stimuli)["title"])
    name = name + ("  (" + predictions["prediction"].astype(str) + ")").where(several, "")
    figure, panels = new_figure(DOUBLE * 0.9, 0.6 + 0.2 * len(predictions))
    proportions(predictions.assign(name=name), "name", axes=panels[0]).set_xlabel(
        "Share of items of which the prediction is true"
    )
    return Drawn(
        figure,
        f"Accuracy of {model} on {predictions['stimuli'].nunique()} syntactic test suites (Hu et al. 2020): the "
        f"share of items whose surprisals fulfil the suite's prediction, with 95% Wilson intervals; n = "
        f"{_range(predictions['n'])} items a suite.",
    )


def _draw_regions(rows: pd.DataFrame, run: Run, stimuli: str, model: str) -> Drawn:
    items = run.items(stimuli)
    first = [str(region.name) for region in parse_regions(items["regions"].iloc[0])]
    order = list(dict.fromkeys([*first, *rows["region"].astype(str)]))
    card = run.card(stimuli)
    predicted = {region for text in json.loads(items["predictions"].iloc[0]) for region, _ in places(parse(text))}
    conditions = card["factors"]["condition"]
    figure, panels = new_figure(DOUBLE * 0.75, 2.6)
    named = dict(NAMED.findall(card["columns"].get("regions", "")))
    marked = sorted(predicted - {ALL})
    regions(rows, order=order, groups=conditions, within=True, marked=marked, names=named, axes=panels[0])
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=min(len(conditions), 4))
    return Drawn(
        figure,
        f"{regions_caption(rows, f'{stimuli}, {model}', within=True)} Shaded: the regions that the predictions name.",
    )


def _range(counts: pd.Series) -> str:
    low, high = int(counts.min()), int(counts.max())
    return str(low) if low == high else f"{low} to {high}"


def summary(run: Run, tables: dict[str, pd.DataFrame]) -> dict[str, list[str]]:
    """Say in an APA paragraph how many predictions came true; every number comes from the tables."""
    said = {}
    for model, rows in tables["predictions"].groupby("model", sort=False):
        rows = rows[rows["estimate"].notna()]
        if rows.empty:
            continue
        mean, low, high = mean_interval(rows["estimate"])
        wide = f", {interval(low * 100, high * 100, 1)}" if len(rows) > 1 else ""
        said[str(model)] = [
            f"The model’s surprisals met {count(len(rows), 'prediction')} of "
            f"{count(rows['stimuli'].nunique(), 'test suite')} in {percent(mean)} of items on average{wide} (over "
            f"predictions; {_range(rows['n'])} items a suite)."
        ]
        if len(rows) > 1:
            best, worst = rows.loc[rows["estimate"].idxmax()], rows.loc[rows["estimate"].idxmin()]
            said[str(model)].append(
                f"Accuracy was highest for {_of(best)} ({share(best['estimate'], best['low'], best['high'])}) and "
                f"lowest for {_of(worst)} ({share(worst['estimate'], worst['low'], worst['high'])})."
            )
    return said


def _of(row: pd.Series) -> str:
    return f"prediction {row['prediction']} of {row['stimuli'].rpartition('/')[2].replace('_', ' ')}"
