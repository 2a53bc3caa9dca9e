"""The effect of surprisal on amplitudes and reading times of single words in context, beyond covariates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from psylm.stats.mixed_models.regression import predictor_effect
from psylm.stats.reading.lexical import zipf
from psylm.stats.reading.observations import PEOPLE, responses_in

COVARIATES = ("log_frequency", "length", "position")

OURS = "surprisal of the model"


def target_effects(measured: pd.DataFrame, card: dict[str, Any]) -> Iterator[dict[str, Any]]:
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
