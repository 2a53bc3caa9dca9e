"""Figures of ERPs: effects of surprisal on components, and amplitudes by condition."""

from __future__ import annotations

import pandas as pd

from psylm.figures.conditions import condition_means
from psylm.figures.drawn import Drawn
from psylm.figures.forest import forest
from psylm.figures.reading import grid
from psylm.figures.style import DOUBLE
from psylm.prose.reading import short
from psylm.stats.reading.conditions import OF_MODEL
from psylm.stats.reading.observations import PEOPLE
from psylm.stats.reading.tables import ALL


def draw_components(effects: pd.DataFrame, stimuli: str) -> Drawn:
    """Draw the standardised effect of each model, one published model, and people, on each component."""
    words = effects["words"].iloc[-1]
    rows = effects[(effects["words"] == words) & effects["standardised"].notna()]
    models = set(effects.loc[effects["words"] == ALL, "predictor"])
    names = list(dict.fromkeys(rows["predictor"]))
    published = [name for name in names if name not in models and name != PEOPLE]
    # More than a handful in a row cannot be told apart; the table has all of them.
    shown = [name for name in names if name in models or name == PEOPLE or name in published[:1]]
    rows = rows[rows["predictor"].isin(shown)].assign(
        estimate=rows["standardised"], low=rows["standardised_low"], high=rows["standardised_high"],
        predictor=rows["predictor"].map(short),
    )  # fmt: skip
    figure, panels = grid(DOUBLE * 0.75, 0.9 + 0.09 * len(shown) * rows["response"].nunique(), 1, 1)
    forest(rows, "response", hue="predictor", groups=[short(name) for name in shown], axes=panels[0])
    panels[0].set_xlabel("Effect of surprisal (SD of the amplitude per SD of surprisal)")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=min(len(shown), 4))
    return Drawn(
        figure,
        f"Effect of surprisal on ERP components, {stimuli} ({words}), beyond "
        f"{str(rows['covariates'].iloc[0]).replace('_', ' ')}: linear mixed models with random intercepts "
        f"({rows['random'].iloc[0]}), 95% intervals (Satterthwaite); filled symbols: the interval leaves out zero. "
        f"n = {int(rows['n'].max()):,} words.",
    )


def draw_conditions(trials: pd.DataFrame, measures: list[str], factors: dict[str, list[str]], stimuli: str) -> Drawn:
    """Draw each component, and each model's surprisal, by condition, with the single items.

    Parameters
    ----------
    trials, measures
        As `psylm.stats.reading.conditions.by_condition` returns them.
    factors : dict of list of str
        The set's factors and their levels.
    stimuli : str
        The set's name.
    """
    *outer, x = factors
    hue = outer[-1] if outer else None
    figure, panels = grid(DOUBLE, 2.0, len(measures), 3)
    for axes, measure in zip(panels, measures, strict=True):
        rows = trials.assign(value=trials[measure]).dropna(subset=["value"])
        condition_means(rows, x, factors[x], hue=hue, groups=factors[hue] if hue else (), axes=axes)
        axes.set_title(short(measure.removeprefix(OF_MODEL)))
        axes.set_ylabel("Surprisal (bits)" if measure.startswith(OF_MODEL) else "Amplitude (µV)")
    per_condition = trials.groupby("condition", sort=False)[measures].count()
    items = int(per_condition.to_numpy().max())
    if hue:
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", title=hue.replace("_", " "))
    return Drawn(
        figure,
        f"Amplitudes and surprisal by condition, {stimuli}. Large symbols: means of items with 95% intervals "
        f"(Student's t); small ones: single items. n = {items} items a condition at most.",
    )
