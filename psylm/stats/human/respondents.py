"""Norms of a stimulus set, as `human.csv` holds them: how reliable they are, and how a model's completions compare."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from psylm.stats.inference.calibration import Calibration, calibration
from psylm.stats.inference.ceiling import split_half
from psylm.stats.inference.correlation import correlation
from psylm.stats.inference.responses import response_distance, response_diversity

CEILING = ("estimate", "low", "high", "ceiling", "halves", "splits_low", "splits_high", "subjects", "splits", "n")


def _keys(factors: dict[str, list[str]]) -> list[str]:
    return ["item", "condition"] if factors else ["item"]


def cloze_calibration(
    measured: pd.DataFrame, human: pd.DataFrame, factors: dict[str, list[str]], seed: int
) -> Calibration:
    """Compare the model's cloze with people's, with as many respondents as the norms tell.

    Parameters
    ----------
    measured
        One row an item and condition, with `cloze` and `human_cloze`.
    human
        The set's human data. Their number of respondents is the column `n`, or the number of subjects.
    factors
        The set's factors.
    seed
        Seed of the bootstrap.
    """
    keys = _keys(factors)
    rows = human[human["measure"] == "cloze"].astype(dict.fromkeys(keys, "string"))
    respondents: pd.Series | None = None
    if "n" in rows:
        respondents = pd.to_numeric(rows["n"], errors="coerce").groupby([rows[key] for key in keys]).sum(min_count=1)
    elif "subject" in rows:
        respondents = rows[rows["subject"] != ""].groupby(keys)["subject"].nunique()
    if respondents is None:
        return calibration(measured["cloze"], measured["human_cloze"], seed=seed)
    counted = measured.merge(respondents.rename("respondents").reset_index(), on=keys, how="left")
    return calibration(counted["cloze"], counted["human_cloze"], counted["respondents"], seed=seed)


def noise_ceilings(human: pd.DataFrame, factors: dict[str, list[str]], seed: int) -> Iterator[dict[str, Any]]:
    """Estimate the split-half reliability of each measure that is known by subject.

    Parameters
    ----------
    human, factors, seed
        As in `cloze_calibration`.

    Yields
    ------
    dict
        One row a measure, with fields of `psylm.stats.inference.ceiling.Ceiling`.
    """
    if "subject" not in human:
        return
    for measure, rows in human[human["subject"].fillna("") != ""].groupby("measure", sort=False):
        if rows["subject"].nunique() > 1:
            found = asdict(split_half(rows, items=_keys(factors), seed=seed))
            yield {"measure": measure} | {name: found[name] for name in CEILING}


def response_agreement(
    trials: pd.DataFrame, completions: pd.DataFrame, human: pd.DataFrame, factors: dict[str, list[str]], seed: int
) -> Iterator[dict[str, Any]]:
    """Compare the model's completions with what people wrote, and its entropy with the diversity of that.

    Parameters
    ----------
    trials
        One row an item and condition, with `entropy`.
    completions
        The model's best completions: `item`, `condition`, `word` and `value`, their probability.
    human
        The set's human data; rows with a `response` say how many people (`value`) wrote it.
    factors, seed
        As in `cloze_calibration`.

    Yields
    ------
    dict
        One row of the table a comparison: the mean Jensen-Shannon distance over items, and rank correlations by items.
    """
    if "response" not in human:
        return
    keys = _keys(factors)
    written = human[human["response"].fillna("") != ""].astype(dict.fromkeys(keys, "string"))
    # what differs only in its capitals is one response
    people = written.assign(response=written["response"].str.strip().str.lower(), count=written["value"])
    diversity = response_diversity(people, keys=keys)
    if len(completions):
        model = completions.assign(
            response=completions["word"].str.strip().str.lower(), probability=completions["value"]
        )
        distance = response_distance(model.astype(dict.fromkeys(keys, "string")), people, keys=keys)
        yield {
            "measure": "Jensen-Shannon distance", "with": "people's responses", "coefficient": "mean",
            "estimate": distance.estimate, "low": distance.low, "high": distance.high, "p": np.nan, "n": distance.n,
        }  # fmt: skip
    once = trials.drop_duplicates(keys)
    if "entropy" in once:
        joined = once.merge(diversity, on=keys, suffixes=("_model", ""))
        for column, name in (
            ("entropy_chao_shen", "entropy of responses"),
            ("unique", "number of different responses"),
        ):
            found = correlation(joined["entropy_model"], joined[column], kind="spearman", seed=seed)
            yield {
                "measure": "entropy", "with": name, "coefficient": "spearman", "estimate": found.r, "low": found.low,
                "high": found.high, "p": found.p, "n": found.n,
            }  # fmt: skip
