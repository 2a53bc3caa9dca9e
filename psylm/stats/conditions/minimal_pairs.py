"""How often, and by how much, the good sentence of a minimal pair is preferred, by method of comparison."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from psylm.runs.run import Run
from psylm.stats.inference.intervals import mean_interval, proportion_interval

COSTS = ("surprisal", "sentence_surprisal")
"""Measures by which the better sentence of a pair is the cheaper one."""

BITS = 1 / math.log(2)

SENTENCE_METHODS = {
    "sentence_surprisal": ("whole sentence", -1.0),
    "pseudo_log_likelihood": ("pseudo-log-likelihood", BITS),
    "mean_lp": ("MeanLP", BITS),
    "pen_lp": ("PenLP", BITS),
    "norm_lp_div": ("NormLP (Div)", 1.0),
    "norm_lp_sub": ("NormLP (Sub)", BITS),
    "slor": ("SLOR", BITS),
    "metalinguistic": ("asked", BITS),
}
"""For each measure of a sentence, the method's name and what turns its values into bits, more being better."""

SHOWN = ("whole sentence", "pseudo-log-likelihood", "one prefix", "critical word", "SLOR", "asked")
"""Methods that figures and paragraphs show: one of each kind. The tables have all."""

COLUMNS = ["model", "stimuli", "phenomenon", "method", "item", "margin"]


def margins_by_method(run: Run) -> pd.DataFrame:
    """Compare the two sentences of every pair, by every method that the run's measures allow.

    Parameters
    ----------
    run : Run
        A run over sets with the factor `acceptability`, the good level first.

    Returns
    -------
    DataFrame
        A row a model, pair and method: `model`, `stimuli`, `phenomenon`, `method`, `item` and `margin`, by how much the
        good sentence is more probable (bits, but for a method without a unit).
    """
    return pd.concat([pd.DataFrame(columns=COLUMNS), *_margins(run)])


def _margins(run: Run) -> Iterator[pd.DataFrame]:
    for model, stimuli in run.grid():
        card = run.card(stimuli)
        if "acceptability" not in card["factors"]:
            continue
        items = run.items(stimuli)
        if "phenomenon" not in items:
            items = items.assign(phenomenon=stimuli.rpartition("/")[2])
        good, bad = card["factors"]["acceptability"][:2]
        for method, scores in _scores(run.scores(model=model, stimuli=stimuli), items):
            scored = items.merge(scores, on=["item", "condition"])
            wide = scored.pivot(index="item", columns="acceptability", values="score")
            if not {good, bad} <= set(wide.columns):
                continue
            margin = (wide[good] - wide[bad]).dropna().rename("margin").reset_index()
            phenomena = scored.drop_duplicates("item")[["item", "phenomenon"]]
            yield margin.merge(phenomena, on="item").assign(model=model, stimuli=stimuli, method=method)


def _scores(results: pd.DataFrame, items: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield methods and their score of each sentence: `item, condition, score`."""
    for measure, (method, factor) in SENTENCE_METHODS.items():
        rows = results[(results["measure"] == measure) & results["region"].isin(["sentence", "target"])]
        if len(rows):
            yield method, rows.assign(score=rows["value"] * factor)[["item", "condition", "score"]]
    rows = results[(results["measure"] == "surprisal") & (results["region"] == "target")]
    if len(rows):
        before = pd.Series(
            [context + sentence[:start] for context, sentence, start in
             zip(items["context"], items["sentence"], items["start"], strict=True)], index=items.index,
        )  # fmt: skip
        alike = (before.groupby(items["item"]).nunique() == 1).all()
        method = "one prefix" if alike else "critical word"
        yield method, rows.assign(score=-rows["value"])[["item", "condition", "score"]]


def accuracy_rows(margins: pd.DataFrame, keys: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Give accuracy, a tie counting half, and the mean margin of each group of pairs, with 95% intervals.

    Parameters
    ----------
    margins : DataFrame
        A row a pair, with `margin`.
    keys : sequence of str
        Columns that tell groups apart.

    Yields
    ------
    dict
        The keys; `estimate`, `low`, `high` (the share of pairs whose good sentence is preferred; Wilson 1927);
        `margin`, `margin_low`, `margin_high` (Student's t); `n` pairs.

    Examples
    --------
    >>> margins = pd.DataFrame({"model": "a", "margin": [2.0, 1.0, -1.0, 0.0]})
    >>> [(row["model"], row["estimate"], row["margin"], row["n"]) for row in accuracy_rows(margins, ["model"])]
    [('a', 0.625, 0.5, 4)]
    """
    for key, rows in margins.groupby(list(keys), sort=False):
        hits = (rows["margin"] > 0).sum() + (rows["margin"] == 0).sum() / 2
        share, low, high = proportion_interval(float(hits), len(rows))
        mean, margin_low, margin_high = mean_interval(rows["margin"].astype(float))
        yield dict(zip(keys, key, strict=True)) | {
            "estimate": share, "low": low, "high": high, "margin": mean, "margin_low": margin_low,
            "margin_high": margin_high, "n": len(rows),
        }  # fmt: skip


def published_accuracy(card: dict[str, Any]) -> tuple[float, str]:
    """Return the accuracy of people that a card has, and its source; NaN and nothing where it has none."""
    found = [one for one in card["published"] if (one["measure"], one["who"]) == ("accuracy", "people")]
    return (found[0]["value"], "; ".join(dict.fromkeys(one["source"] for one in found))) if found else (math.nan, "")
