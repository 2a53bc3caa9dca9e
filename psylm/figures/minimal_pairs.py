"""Figures of minimal pairs: accuracy by set or phenomenon."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from psylm.figures.drawn import Drawn
from psylm.figures.forest import proportions
from psylm.figures.style import DOUBLE, new_figure
from psylm.stats.conditions.minimal_pairs import SHOWN


def draw_accuracy(accuracy: pd.DataFrame, people: Mapping[str, tuple[float, str]], model: str) -> Drawn:
    """Draw the accuracy of one model by set, or by phenomenon within a single set.

    Parameters
    ----------
    accuracy : DataFrame
        Rows of `psylm.stats.conditions.minimal_pairs.accuracy_rows` of the model, by set, phenomenon and method.
    people : mapping of str to (float, str)
        For each set, the published accuracy of people and its source; NaN where there is none.
    model : str
        The model's name.
    """
    rows = accuracy[accuracy["method"].isin(SHOWN)]
    several = rows["stimuli"].nunique() > 1
    name = rows["stimuli"].str.rpartition("/")[2] if several else rows["phenomenon"]
    if several and rows.groupby("stimuli")["phenomenon"].nunique().max() > 1:
        name = name + ": " + rows["phenomenon"]
    human = rows["stimuli"].map({stimuli: value for stimuli, (value, _) in people.items()})
    rows = rows.assign(name=name.str.replace("_", " "), human=human)
    methods = list(dict.fromkeys(rows["method"]))
    figure, panels = new_figure(DOUBLE * 0.7, 0.8 + rows["name"].nunique() * (0.16 + 0.08 * len(methods)))
    axes = proportions(rows, "name", hue="method", groups=methods, chance=0.5, axes=panels[0])
    axes.set_xlabel("Pairs in which the good sentence is preferred (share)")
    if len(methods) > 1 or human.notna().any():
        handles, names = axes.get_legend_handles_labels()
        figure.legend(handles, names, loc="outside upper center", ncols=min(len(names), 4))
    low, high = int(rows["n"].min()), int(rows["n"].max())
    sources = "; ".join(dict.fromkeys(people[stimuli][1] for stimuli in rows["stimuli"] if people[stimuli][1]))
    return Drawn(
        figure,
        f"Accuracy of {model} on minimal pairs ({', '.join(methods)}), with 95% Wilson intervals; a tie counts "
        f"half. Dashed: chance. n = {low if low == high else f'{low} to {high}'} pairs a row."
        + (f" Diamonds: people ({sources})." if human.notna().any() else ""),
    )
