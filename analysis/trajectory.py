"""What do models know, and when? Accuracy and mean scores over training, by architecture, with intervals between seeds.

For models that `psylm train` made (`scratch:FOLDER@all`). Each seed is a learner; an interval is that of the mean of
learners. Sets with a factor `acceptability` give accuracy: how often the good sentence's target, or where none is
marked the good sentence as a whole, costs fewer bits than the bad one's. Other sets give the mean of every measure, by
condition.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from psylm.figures.learning import trajectory
from psylm.figures.style import DOUBLE, new_figure
from psylm.prose.apa import count, percent, share
from psylm.report.analyses import Drawn
from psylm.runs.run import Run
from psylm.stats.inference.intervals import mean_interval

REQUIRES = ()

KEYS = ["stimuli", "measure", "condition", "architecture", "step", "tokens"]
COSTS = ("surprisal", "sentence_surprisal")
"""Measures by which the better sentence of a pair is the cheaper one."""

ACCURACY = "accuracy"


def tables(run: Run) -> dict[str, pd.DataFrame]:
    """Compute what each learner knew at each checkpoint, and the mean of learners."""
    learners = pd.concat([pd.DataFrame(columns=[*KEYS, "seed", "estimate", "n"]), *_learners(run)])
    means: list[dict[str, Any]] = []
    for key, rows in learners.groupby(KEYS, sort=False):
        mean, low, high = mean_interval(rows["estimate"].astype(float))
        found = {"estimate": mean, "low": low, "high": high, "learners": len(rows), "n": int(rows["n"].min())}
        means.append(dict(zip(KEYS, key, strict=True)) | found)
    return {
        "learners": learners,
        "means": pd.DataFrame(means, columns=[*KEYS, "estimate", "low", "high", "learners", "n"]),
    }


def _learners(run: Run) -> Iterator[pd.DataFrame]:
    """Yield, for every set, one row a condition and checkpoint of a learner."""
    trained = {name: info.get("training") for name, info in run.manifest["models"].items()}
    columns = ["model", "architecture", "seed", "step", "tokens"]
    known = [[name, facts["model"], *(facts[key] for key in columns[2:])] for name, facts in trained.items() if facts]
    about = pd.DataFrame(known, columns=columns)
    results = run.results[run.results["region"].isin(["target", "sentence"])].merge(about, on="model")
    for stimuli, scores in results.groupby("stimuli", sort=False):
        card = run.card(str(stimuli))
        items = run.items(str(stimuli)).astype({"item": "string", "condition": "string"})
        if "acceptability" in card["factors"]:
            cost = next((measure for measure in COSTS if (scores["measure"] == measure).any()), "")
            judged = _judgements(scores[scores["measure"] == cost], items, card["factors"]["acceptability"])
            grouped = judged.groupby([*KEYS[2:], "seed"], sort=False)["value"]
            yield grouped.agg(estimate="mean", n="size").reset_index().assign(stimuli=stimuli, measure=ACCURACY)
        else:
            grouped = scores.groupby([*KEYS[1:], "seed"], sort=False)["value"]
            yield grouped.agg(estimate="mean", n="count").reset_index().assign(stimuli=stimuli)


def _judgements(scores: pd.DataFrame, items: pd.DataFrame, levels: list[str]) -> pd.DataFrame:
    """Return, for every pair and checkpoint, 1 where the good sentence costs less, and 0.5 for a tie."""
    if "phenomenon" not in items:
        items = items.assign(phenomenon="all pairs")
    marked = scores.merge(items[["item", "condition", "acceptability", "phenomenon"]], on=["item", "condition"])
    pair = ["architecture", "seed", "step", "tokens", "phenomenon", "item"]
    wide = marked.pivot_table(index=pair, columns="acceptability", values="value", sort=False)
    margin = wide[levels[1]] - wide[levels[0]]
    value = (margin > 0).astype(float) + (margin == 0) / 2
    return value.rename("value").reset_index().rename(columns={"phenomenon": "condition"})


def figures(run: Run, tables: dict[str, pd.DataFrame]) -> dict[str, Drawn]:
    """Draw the mean of learners over training tokens: a panel a condition, a line an architecture."""
    drawn: dict[str, Drawn] = {}
    for (stimuli, measure), rows in tables["means"].groupby(["stimuli", "measure"], sort=False):
        conditions = list(dict.fromkeys(rows["condition"]))
        figure, panels = new_figure(DOUBLE, DOUBLE / 3.2, columns=len(conditions))
        for panel, condition in zip(panels, conditions, strict=True):
            mine = rows[rows["condition"] == condition]
            if measure == ACCURACY:  # an interval by Student's t may go on where no accuracy is
                mine = mine.assign(low=mine["low"].clip(lower=0), high=mine["high"].clip(upper=1))
            trajectory(mine, "architecture", chance=0.5 if measure == ACCURACY else None, axes=panel)
            panel.set_title(str(condition))
        if measure == ACCURACY:
            panels[0].set_ylabel("Accuracy (share of pairs)")
            panels[0].set_ylim(-0.02, 1.02)
        else:
            panels[0].set_ylabel(f"{str(measure).replace('_', ' ')} (mean)")
        panels[-1].legend()
        counts = sorted(set(rows["n"]))
        n = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
        least, most = int(rows["learners"].min()), int(rows["learners"].max())
        drawn[f"{measure}-{stimuli}"] = Drawn(
            figure,
            f"{'Accuracy' if measure == ACCURACY else measure} on {stimuli} over training. Lines: mean of "
            f"{least if least == most else f'{least} to {most}'} learners (random seeds); bands: 95% intervals of that "
            f"mean (Student's t). n = {n} {'pairs' if measure == ACCURACY else 'values'} a point."
            + (" Dashed: chance." if measure == ACCURACY else ""),
        )
    return drawn


def summary(run: Run, tables: dict[str, pd.DataFrame]) -> dict[str, list[str]]:
    """Say where each architecture ended, and when it first came within five points of that; one paragraph each."""
    said: dict[str, list[str]] = {}
    judged = tables["means"][tables["means"]["measure"] == ACCURACY]
    for (architecture, condition), rows in judged.groupby(["architecture", "condition"], sort=False):
        rows = rows.sort_values("tokens")
        last = rows.iloc[-1]
        near = rows[rows["estimate"] >= last["estimate"] - 0.05].iloc[0]
        learners = count(int(last["learners"]), "learner")
        found = (
            share(last["estimate"], last["low"], last["high"]) if last["learners"] > 1 else percent(last["estimate"])
        )
        said.setdefault(str(architecture), []).append(
            f"For {condition}, accuracy after {last['tokens']:,} training tokens was {found} ({learners}, "
            f"{count(int(last['n']), 'pair')} each); it was first within five percentage points of that after "
            f"{near['tokens']:,} tokens."
        )
    return said
