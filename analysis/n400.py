"""Does surprisal predict the N400 and other ERP components? Effects by component, gains on held-out words, conditions.

Needs the measure `surprisal` and human measures in microvolts: on the card a meaning that ends in `(microvolts)`; in
the human data `item, measure, value`, with `word_id` (the word's number in its item, from 0) where it was not the
item's target that was measured, and `subject` for single subjects' amplitudes. Of the items' columns, `sentence_id`
says which items are words of the same sentence, and the card's `references` are published surprisals; human cloze,
where there is any, is a predictor too. A set with factors gives contrasts of amplitudes and of surprisal.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from psylm.figures.conditions import condition_means
from psylm.figures.forest import forest
from psylm.figures.reading import gain_panels, gains_caption, grid, perplexity_caption, perplexity_panels
from psylm.figures.style import DOUBLE
from psylm.prose.reading import gains, lagged_effects, pairs, short
from psylm.prose.results import contrasts
from psylm.report.analyses import Drawn
from psylm.runs.run import Run
from psylm.stats.conditions.design import condition_table, contrast_table
from psylm.stats.inference.multiple import adjusted
from psylm.stats.reading.observations import PEOPLE, Observations, observed
from psylm.stats.reading.tables import ALL, effect_rows, gain_rows, pair_rows, tables_of

REQUIRES = ("surprisal",)

UNIT = "microvolts"

SPILLOVER = 0
"""An amplitude is time-locked to its own word."""

SURPRISAL = "surprisal of "
"""What a model's surprisal is called beside the amplitudes in a table of conditions."""


def tables(run: Run) -> dict[str, pd.DataFrame]:
    """Compute mixed-model effects, gains and comparisons of predictors, and contrasts between conditions."""
    seed = run.manifest["seed"]
    by_set = {
        stimuli: {
            "effects": effect_rows(found),
            "gains": gain_rows(found, seed),
            "pairs": pair_rows(found, seed),
            "conditions": _conditions(found, run.card(stimuli)),
            "contrasts": _contrasts(found, run.card(stimuli)),
        }
        for stimuli, found in observed(run, unit=UNIT, spillover=SPILLOVER).items()
    }
    return tables_of(by_set)


def _by_condition(found: Observations, card: dict[str, Any]) -> tuple[pd.DataFrame, list[str]]:
    """Return amplitudes and surprisals by item and condition, and their columns."""
    names = {f"human_{name}": name for name in found.responses}
    names |= {one.columns[0]: SURPRISAL + one.name for one in found.models}
    trials = found.data.rename(columns=names)
    levels = trials["condition"].str.split("/", expand=True)
    return trials.assign(**{factor: levels[number] for number, factor in enumerate(card["factors"])}), [*names.values()]


def _conditions(found: Observations, card: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if card["factors"]:
        trials, measures = _by_condition(found, card)
        yield from condition_table(trials, card["factors"], tuple(measures))


def _contrasts(found: Observations, card: dict[str, Any]) -> Iterator[pd.DataFrame]:
    if card["factors"]:
        trials, measures = _by_condition(found, card)
        for measure in measures:
            table = pd.DataFrame(contrast_table(trials, card["factors"], card["between"], measure))
            yield table.assign(p_holm=adjusted(table["p"]))


def figures(run: Run, tables: dict[str, pd.DataFrame]) -> dict[str, Drawn]:
    """Draw effects by component, gains by predictor and over perplexity, and amplitudes by condition."""
    drawn: dict[str, Drawn] = {}
    for stimuli in dict.fromkeys(tables["gains"]["stimuli"]):
        mine = {name: table[table["stimuli"] == stimuli] for name, table in tables.items()}
        compared = mine["gains"][mine["gains"]["words"] == mine["gains"]["words"].iloc[-1]]
        compared = compared[compared["delta_log_likelihood"].notna()]
        if len(mine.get("effects", [])) and mine["effects"]["estimate"].notna().any():
            drawn[f"components-{stimuli}"] = _components(mine["effects"], stimuli)
        if len(compared):
            drawn[f"gains-{stimuli}"] = Drawn(gain_panels(compared), gains_caption(compared, stimuli))
            if compared["predictor"].nunique() > 1:
                drawn[f"perplexity-{stimuli}"] = Drawn(
                    perplexity_panels(compared), perplexity_caption(compared, stimuli)
                )
        if len(mine.get("conditions", [])):
            drawn[f"conditions-{stimuli}"] = _draw_conditions(run, mine["conditions"], stimuli)
    return drawn


def _components(effects: pd.DataFrame, stimuli: str) -> Drawn:
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


def _draw_conditions(run: Run, table: pd.DataFrame, stimuli: str) -> Drawn:
    """Draw each component, and each model's surprisal, by condition, with the single items."""
    card = run.card(stimuli)
    found = observed(run, unit=UNIT, spillover=SPILLOVER)[stimuli]
    trials, measures = _by_condition(found, card)
    *outer, x = card["factors"]
    hue = outer[-1] if outer else None
    figure, panels = grid(DOUBLE, 2.0, len(measures), 3)
    for axes, measure in zip(panels, measures, strict=True):
        rows = trials.assign(value=trials[measure]).dropna(subset=["value"])
        condition_means(rows, x, card["factors"][x], hue=hue, groups=card["factors"][hue] if hue else (), axes=axes)
        axes.set_title(short(measure.removeprefix(SURPRISAL)))
        axes.set_ylabel("Surprisal (bits)" if measure.startswith(SURPRISAL) else "Amplitude (µV)")
    if hue:
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", title=hue.replace("_", " "))
    return Drawn(
        figure,
        f"Amplitudes and surprisal by condition, {stimuli}. Large symbols: means of items with 95% intervals "
        f"(Student's t); small ones: single items. n = {int(table['n'].max())} items a condition at most.",
    )


def summary(run: Run, tables: dict[str, pd.DataFrame]) -> dict[str, list[str]]:
    """Write the results of each model on each set as an APA paragraph; every number comes from the tables."""
    said: dict[str, list[str]] = {}
    ours = tables["gains"][(tables["gains"]["kind"] == "model") & (tables["gains"]["words"] == ALL)]
    for (stimuli, model), rows in ours.groupby(["stimuli", "predictor"], sort=False):
        mine = {name: table[table["stimuli"] == stimuli] for name, table in tables.items()}
        sentences = list(gains(rows))
        if "effects" in mine:
            effects = mine["effects"]
            sentences += lagged_effects(effects[(effects["predictor"] == model) & (effects["words"] == ALL)], "µV")
        if "pairs" in mine:
            for _, response in mine["pairs"].groupby("response", sort=False):
                sentences += pairs(response, str(model))
        if "contrasts" in mine:
            table = mine["contrasts"]
            for measure in [*dict.fromkeys(rows["response"]), f"{SURPRISAL}{model}"]:
                unit = "bits" if measure.startswith(SURPRISAL) else "µV"
                sentences += contrasts(table[table["measure"] == measure], measure, unit)
        said[f"{model} on {stimuli}"] = sentences
    return said
