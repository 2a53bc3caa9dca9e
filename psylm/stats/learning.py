"""What learners know over training: accuracy and mean scores at each checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from psylm.runs.run import Run
from psylm.stats.conditions.minimal_pairs import COSTS
from psylm.stats.inference.intervals import mean_interval

KEYS = ["stimuli", "measure", "condition", "architecture", "step", "tokens"]

ACCURACY = "accuracy"


def learners(run: Run) -> pd.DataFrame:
    """Return what each learner knew at each checkpoint of its training.

    Parameters
    ----------
    run : Run
        A run over models that `psylm train` made.

    Returns
    -------
    DataFrame
        A row a learner, checkpoint, set, measure and condition: `stimuli`, `measure`, `condition`, `architecture`,
        `step`, `tokens`, `seed`, `estimate` (the accuracy, or the mean of the measure) and `n` values. A set with the
        factor `acceptability` has the measure `accuracy`, and its phenomena as conditions.
    """
    return pd.concat([pd.DataFrame(columns=[*KEYS, "seed", "estimate", "n"]), *_of_sets(run)])


def _of_sets(run: Run) -> Iterator[pd.DataFrame]:
    trained = {name: info.get("training") for name, info in run.manifest["models"].items()}
    columns = ["model", "architecture", "seed", "step", "tokens"]
    known = [[name, facts["model"], *(facts[key] for key in columns[2:])] for name, facts in trained.items() if facts]
    about = pd.DataFrame(known, columns=columns)
    results = run.scores(region=["target", "sentence"]).merge(about, on="model")
    for stimuli, scores in results.groupby("stimuli", sort=False):
        card = run.card(str(stimuli))
        items = run.items(str(stimuli))
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


def mean_of_learners(learners: pd.DataFrame) -> pd.DataFrame:
    """Average over learners, with the 95% interval of their mean.

    Parameters
    ----------
    learners : DataFrame
        As `learners` returns it.

    Returns
    -------
    DataFrame
        A row a checkpoint, without `seed`: `estimate`, `low`, `high` (Student's t over learners), `learners`, and `n`,
        the fewest values of a learner.

    Examples
    --------
    >>> about = dict(zip(KEYS, ["pairs", "accuracy", "all", "GPT", 10, 1000]))
    >>> known = pd.DataFrame([about | {"seed": seed, "estimate": 0.4 + seed / 10, "n": 8} for seed in (1, 3)])
    >>> mean_of_learners(known)[["estimate", "learners", "n"]].values.tolist()
    [[0.6, 2.0, 8.0]]
    """
    means: list[dict[str, Any]] = []
    for key, rows in learners.groupby(KEYS, sort=False):
        mean, low, high = mean_interval(rows["estimate"].astype(float))
        found = {"estimate": mean, "low": low, "high": high, "learners": len(rows), "n": int(rows["n"].min())}
        means.append(dict(zip(KEYS, key, strict=True)) | found)
    return pd.DataFrame(means, columns=[*KEYS, "estimate", "low", "high", "learners", "n"])
