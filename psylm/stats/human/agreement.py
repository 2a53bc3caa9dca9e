"""Agreement of a model's scores with people and with published models, on the same items."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from psylm.stats.inference.correlation import correlation, log_odds
from psylm.stats.inference.one_model import check_one


def with_human(trials: pd.DataFrame, human: pd.DataFrame, factors: dict[str, list[str]]) -> pd.DataFrame:
    """Join the human measures (means over subjects, where there are several) to the trials, as `human_NAME`."""
    keys = ["item", "condition"] if factors else ["item"]
    wide = human.pivot_table(index=keys, columns="measure", values="value").add_prefix("human_").reset_index()
    return trials.merge(wide.astype(dict.fromkeys(keys, "string")), on=keys, how="left")


def human_agreement(measured: pd.DataFrame, seed: int) -> Iterator[dict[str, Any]]:
    """Correlate the model's cloze, surprisal and entropy with human cloze, predictability ratings and entropy.

    Parameters
    ----------
    measured
        One row an item and condition, with the model's measures, the set's columns, and human measures
        as `human_NAME`.
    seed
        Seed of the bootstrap.

    Yields
    ------
    dict
        One row of the table a correlation, with its BCa interval by items.
    """
    check_one(measured, ["item", "condition"])
    pairs: list[tuple[str, str, str, pd.Series, pd.Series]] = []
    if "human_cloze" in measured:
        people = measured["human_cloze"]
        model_odds = pd.Series(log_odds(measured["cloze"]), measured.index)
        human_odds = pd.Series(log_odds(people), measured.index)
        bits = pd.Series(-np.log2(people.where(people > 0)), measured.index)
        pairs += [
            ("cloze", "human cloze", "spearman", measured["cloze"], people),
            ("cloze", "human cloze", "kendall", measured["cloze"], people),
            ("log-odds of cloze", "log-odds of human cloze", "pearson", model_odds, human_odds),
            ("surprisal", "human cloze surprisal", "pearson", measured["surprisal"], bits),
        ]
    if "human_rating" in measured:
        pairs.append(("surprisal", "human rating", "spearman", measured["surprisal"], measured["human_rating"]))
    if "human_entropy" in measured and "entropy" in measured:
        pairs.append(
            ("entropy", "entropy of what people wrote", "spearman", measured["entropy"], measured["human_entropy"])
        )
    for ours, theirs, kind, x, y in pairs:
        found = correlation(x, y, kind=kind, seed=seed)
        yield {"measure": ours, "with": theirs, "coefficient": kind, "estimate": found.r} | {
            "low": found.low, "high": found.high, "p": found.p, "p_permutation": found.p_permutation, "n": found.n,
        }  # fmt: skip


def reference_agreement(trials: pd.DataFrame, card: dict[str, Any], seed: int) -> Iterator[dict[str, Any]]:
    """Correlate the model's surprisal with published surprisals of the same words.

    Parameters
    ----------
    trials
        One row an item and condition, with the model's measures and the set's own columns.
    card
        The set's card: its `references` are the columns.
    seed
        Seed of the bootstrap.

    Yields
    ------
    dict
        One row of the table a correlation; for words that the published model does not split, too.
    """
    check_one(trials, ["item", "condition"])
    for column, who in card["references"].items():
        single = column.removesuffix("_surprisal") + "_multitoken"
        subsets = {"all words": trials}
        if single in trials:
            subsets["words of one token"] = trials[trials[single] == 0]
        for words, rows in subsets.items():
            found = correlation(rows["surprisal"], rows[column], kind="pearson", seed=seed)
            yield {"measure": "surprisal", "with": f"published surprisal of {who}", "words": words} | {
                "coefficient": "pearson", "estimate": found.r, "low": found.low, "high": found.high,
                "p": found.p, "n": found.n,
            }  # fmt: skip
