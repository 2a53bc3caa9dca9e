"""Agreement of a model's scores with people and with published models, on the same items."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from psylm.stats.inference.correlation import correlation, log_odds
from psylm.stats.mixed_models.regression import predictor_effect
from psylm.stats.reading.lexical import zipf
from psylm.stats.reading.observations import PEOPLE, responses_in

OURS = "surprisal of the model"

COVARIATES = ("log_frequency", "length", "position")


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


def processing_effects(measured: pd.DataFrame, card: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Estimate the effect of each kind of surprisal on each amplitude and reading time, beyond the covariates.

    Parameters
    ----------
    measured
        One row an item and condition, with the model's measures, the set's columns, and human measures
        as `human_NAME`.
    card
        The set's card: its `human` measures in microvolts or ms are the responses.

    Yields
    ------
    dict
        One row of the table a response and predictor.
    """
    responses = [*responses_in(card, "microvolts"), *responses_in(card, "ms")]
    if not responses:
        return
    data = measured.assign(intercept_group=measured.get("sentence_id", measured["item"]))
    data["log_frequency"] = (
        measured["log_frequency"] if "log_frequency" in measured else zipf(measured["target"], card["language"])
    )
    data["length"] = measured["length"] if "length" in measured else measured["target"].str.len()
    covariates = [name for name in COVARIATES if name in data]
    predictors = {"surprisal": OURS}
    if "human_cloze" in data:
        data["human_surprisal"] = -np.log2(data["human_cloze"].where(data["human_cloze"] > 0))
        predictors["human_surprisal"] = PEOPLE
    published = {column: f"published surprisal of {who}" for column, who in card["references"].items()}
    subsets = [("all words", data, predictors)]
    if published:
        # Predictors are compared on the same words: those that no published model splits.
        splits = [f"{column.removesuffix('_surprisal')}_multitoken" for column in published]
        whole = ~data[[name for name in splits if name in data]].astype(bool).any(axis=1)
        subsets.append(("words of one token", data[whole], predictors | published))
    for name in responses:
        for words, rows, compared in subsets:
            for column, predictor in compared.items():
                effect = predictor_effect(rows, f"human_{name}", column, covariates, "intercept_group")
                yield {
                    "response": name, "meaning": card["human"][name], "words": words, "predictor": predictor,
                    "covariates": ", ".join(covariates),
                } | asdict(effect)  # fmt: skip
