"""Pseudo-log-likelihood: how well each token of a sentence is predicted by all the others."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from pydantic import BaseModel, Field

from psylm.measures.registry import SCORE_COLUMNS, measure
from psylm.measures.words import UNKNOWN, UNKNOWN_CONTEXT, given, is_unknown, texts
from psylm.models.families import Hiding

if TYPE_CHECKING:
    from psylm.models.base import LanguageModel, Span
    from psylm.models.query import Query
    from psylm.models.tokens import Encoding


class PseudoLikelihoodOptions(BaseModel, extra="forbid"):
    """What can be chosen of `pseudo_log_likelihood`."""

    variant: Hiding = Field(
        default="within_word",
        description="what is masked while a token is predicted: it and its word's later tokens (within_word), "
        "it alone (original), or its whole word (whole_word)",
    )
    units: Annotated[list[Literal["token", "word", "sentence"]], Field(min_length=1)] = Field(
        default=["sentence"], description="a row a token, word or sentence"
    )


@measure(
    "pseudo_log_likelihood",
    needs={"pseudo_likelihood"},
    options=PseudoLikelihoodOptions,
    meaning="sum over tokens of their log-probability given both sides, in nats",
)
def pseudo_log_likelihood(model: LanguageModel, trials: pd.DataFrame, options: PseudoLikelihoodOptions) -> pd.DataFrame:
    """Add up the log-probability of each token given the rest of the text; the context is seen, not scored.

    A token that is masked alone may be given away by the rest of its word, so by default the word's later tokens
    are masked with it. Words are those of the tokenizer's own splitting.

    Parameters
    ----------
    model
        A model that sees both sides.
    trials
        Trials.
    options
        What is masked, and the unit.

    Returns
    -------
    DataFrame
        One row a unit, in nats.

    References
    ----------
    Salazar et al. (2020), Masked language model scoring, ACL (`original`); Kauf & Ivanova (2023), A better way to
    do masked language model scoring, ACL (`within_word`, `whole_word`).
    """
    rows: list[tuple[Any, ...]] = []
    for trial, scored in zip(trials["trial"], score_tokens(model, trials, options.variant), strict=True):
        rows += _rows(model, trial, scored, options)
    table = pd.DataFrame(rows, columns=["trial", "region", "word_id", "word", "value", "note"])
    return table.assign(measure="pseudo_log_likelihood")[SCORE_COLUMNS]


class ScoredTokens(NamedTuple):
    """A sentence's tokens, in words, and the log-probability of each given the others; NaN in an unknown word."""

    encoding: Encoding
    words: list[Span]
    values: np.ndarray
    note: str

    @property
    def total(self) -> float:
        """Pseudo-log-likelihood of the sentence."""
        return math.nan if self.note == UNKNOWN else float(self.values.sum())


def score_tokens(model: LanguageModel, trials: pd.DataFrame, variant: Hiding) -> list[ScoredTokens]:
    """Predict each token of each trial's sentence from both sides; the context is seen, not scored."""
    queries: list[Query] = []
    sentences: list[tuple[Encoding, list[Span], slice, str]] = []
    for item, context, (text, _) in zip(trials["item"], trials["context"], texts(trials), strict=True):
        encoding = model.tokenizer.encode(text, (given(context),))
        model.check_length(model.sequence(encoding.ids), f"item {item}")
        begin = encoding.after(given(context))
        words = [(begin + first, begin + last) for first, last in runs(encoding.words[begin:])]
        more, _ = model.word_queries(encoding.ids, words, variant)
        known = model.tokenizer.unknown.isdisjoint(encoding.ids[:begin])
        unknown = is_unknown(model.tokenizer, encoding, (begin, len(encoding.ids)), (given(context), len(text)))
        note = UNKNOWN if unknown else "" if known else UNKNOWN_CONTEXT
        sentences.append((encoding, words, slice(len(queries), len(queries) + len(more)), note))
        queries += more
    answers = model.predict(queries, lambda at, places, tokens: at.log_probability(places, tokens))
    scored = []
    for encoding, words, mine, note in sentences:
        values = np.concatenate([np.empty(0), *answers[mine]]).astype(float)
        lacking = [not model.tokenizer.unknown.isdisjoint(encoding.ids[first:last]) for first, last in words]
        lengths = [last - first for first, last in words]
        values[np.repeat(np.array(lacking, dtype=bool), lengths)] = np.nan
        scored.append(ScoredTokens(encoding, words, values, note))
    return scored


def _rows(
    model: LanguageModel, trial: int, scored: ScoredTokens, options: PseudoLikelihoodOptions
) -> list[tuple[Any, ...]]:
    encoding, words, values, note = scored
    rows: list[tuple[Any, ...]] = []
    tokens = [token for first, last in words for token in range(first, last)]
    if "token" in options.units:
        for number, (token, value) in enumerate(zip(tokens, values, strict=True)):
            rows.append((trial, "token", number, model.tokenizer.text((encoding.ids[token],)), value))
    if "word" in options.units:
        end = 0
        for number, (first, last) in enumerate(words):
            text = model.tokenizer.text(encoding.ids[first:last]).strip()
            rows.append((trial, "word", number, text, values[end : end + last - first].sum()))
            end += last - first
    noted = [(*row, UNKNOWN if np.isnan(row[-1]) else "" if note == UNKNOWN else note) for row in rows]
    if "sentence" in options.units:
        noted.append((trial, "sentence", -1, "", scored.total, note))
    return noted


def runs(labels: tuple[int, ...]) -> list[Span]:
    """Find where runs of equal labels begin and end.

    Examples
    --------
    >>> runs((0, 0, 1, 2, 2))
    [(0, 2), (2, 3), (3, 5)]
    """
    edges = [0, *(i for i in range(1, len(labels)) if labels[i] != labels[i - 1]), len(labels)]
    return [(a, b) for a, b in pairwise(edges) if a < b]
