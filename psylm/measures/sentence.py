"""Scores of whole sentences."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pandas as pd
import torch
from torch import Tensor

from psylm.measures.registry import SCORE_COLUMNS, NoOptions, measure
from psylm.measures.words import LN2, NO_BEGINNING, texts
from psylm.models.base import ROWS, LanguageModel, Query
from psylm.models.tokens import Encoding


@measure(
    "sentence_surprisal",
    families={"causal"},
    meaning="surprisal of a sentence: the sum over its tokens of -log2 p(token | what precedes), in bits",
)
def sentence_surprisal(model: LanguageModel, trials: pd.DataFrame, options: NoOptions) -> pd.DataFrame:
    """Add up the surprisal of all tokens of each sentence; its context is conditioned on, not scored.

    Parameters
    ----------
    model
        A causal model.
    trials
        Trials.
    options
        None.

    Returns
    -------
    DataFrame
        One row a sentence, in bits; NaN for a model without a beginning-of-sequence token and no context.
    """
    queries: list[list[Query]] = []
    for encoding, offset in _encoded(model, trials):
        first = sum(start < offset for start in encoding.starts)
        ids = model.sequence(encoding.ids)
        shift = len(ids) - len(encoding.ids)
        if first + shift == 0:
            queries.append([])
            continue
        edges = [*range(first + shift, len(ids), ROWS), len(ids)]
        queries.append([Query(ids, tuple(range(a, b)), ids[a:b]) for a, b in pairwise(edges)])
    sums = _sums(model, queries)
    notes = ["" if mine else NO_BEGINNING for mine in queries]
    return _table(trials, "sentence_surprisal", [-value / LN2 for value in sums], notes)


@measure(
    "pseudo_log_likelihood",
    families={"masked"},
    meaning="sum over words of their log-probability given both sides, within-word left-to-right, in nats",
)
def pseudo_log_likelihood(model: LanguageModel, trials: pd.DataFrame, options: NoOptions) -> pd.DataFrame:
    """Add up the log-probability of each word given the rest of the sentence.

    A token is predicted with itself and the later tokens of its word masked, so that a word is not given away by
    its own end. Words are those of the tokenizer's own splitting.

    Parameters
    ----------
    model
        A masked model.
    trials
        Trials.
    options
        None.

    Returns
    -------
    DataFrame
        One row a sentence, in nats.

    References
    ----------
    Salazar et al. (2020), Masked language model scoring, ACL, https://doi.org/10.18653/v1/2020.acl-main.240;
    Kauf & Ivanova (2023), A better way to do masked language model scoring, ACL.
    """
    queries: list[list[Query]] = []
    for encoding, offset in _encoded(model, trials):
        mine = []
        for first, last in _runs(encoding.words):
            if encoding.starts[first] >= offset:
                mine += model.word_queries(encoding.ids, first, last)
        queries.append(mine)
    return _table(trials, "pseudo_log_likelihood", _sums(model, queries), [""] * len(trials))


def _encoded(model: LanguageModel, trials: pd.DataFrame) -> list[tuple[Encoding, int]]:
    encoded = []
    for item, (text, offset) in zip(trials["item"], texts(trials), strict=True):
        encoding = model.tokenizer.encode(text)
        model.check_length(model.sequence(encoding.ids), f"item {item}")
        encoded.append((encoding, offset))
    return encoded


def _runs(labels: Sequence[int]) -> list[tuple[int, int]]:
    """Find where runs of equal labels begin and end.

    Examples
    --------
    >>> _runs([0, 0, 1, 2, 2])
    [(0, 2), (2, 3), (3, 5)]
    """
    edges = [0, *(i for i in range(1, len(labels)) if labels[i] != labels[i - 1]), len(labels)]
    return [(a, b) for a, b in pairwise(edges) if a < b]


def _sums(model: LanguageModel, queries: list[list[Query]]) -> list[float]:
    """Add up the log-probabilities of each list of queries; NaN where there is none."""

    def reduce(log_probabilities: Tensor, wanted: Tensor) -> float:
        rows = torch.arange(len(wanted), device=wanted.device)
        known = wanted >= 0
        return float(log_probabilities[rows[known], wanted[known]].double().sum())

    values = iter(model.predict([query for mine in queries for query in mine], reduce))
    return [sum(next(values) for _ in mine) if mine else float("nan") for mine in queries]


def _table(trials: pd.DataFrame, name: str, values: list[float], notes: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "trial": trials["trial"].to_numpy(),
            "region": "sentence",
            "word_id": -1,
            "word": "",
            "measure": name,
            "value": values,
            "note": notes,
        },
        columns=SCORE_COLUMNS,
    )
