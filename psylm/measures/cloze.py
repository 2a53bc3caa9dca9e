"""Cloze: what a model expects in a blank, and how it takes the words that an experiment puts there."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pydantic import BaseModel, Field
from torch import Tensor

from psylm.language import written_without_spaces
from psylm.measures.completions import Completion, single_token_completions, word_completions
from psylm.measures.registry import SCORE_COLUMNS, measure
from psylm.measures.surprisal import word_ids
from psylm.measures.words import LN2, Word, corrects, score_words, target_words, tokenized
from psylm.models.base import LanguageModel
from psylm.models.query import Query


class ClozeOptions(BaseModel, extra="forbid"):
    """What can be chosen of `cloze`."""

    top_k: int = Field(default=5, ge=0, le=100, description="how many of the model's own completions to list")
    correction: bool = Field(default=True, description="word-boundary correction of Pimentel & Meister (2024)")
    right_context: bool = Field(
        default=True,
        description="let masked models see what follows the blank; else only the mark that ends the sentence",
    )


@dataclass(frozen=True)
class Blank:
    """What a model expects in a blank, whatever the experiment puts there.

    Parameters
    ----------
    distribution
        Natural log-probabilities [vocabulary] of the (first) token in the blank.
    entropy
        Its entropy in bits.
    completions
        The model's own words, best first.
    """

    distribution: Tensor
    entropy: float
    completions: list[Completion]


@measure(
    "cloze",
    families={"causal", "masked", "permuted", "seq2seq", "recurrent"},
    options=ClozeOptions,
    needs_target=True,
    together="frame",
    meaning="probability of the target in its blank, its rank, and the model's own completions",
)
def cloze(model: LanguageModel, trials: pd.DataFrame, options: ClozeOptions) -> pd.DataFrame:
    """Score completions of a blank.

    Parameters
    ----------
    model
        A causal model, which sees what stands before the blank, or another, which sees both sides.
    trials
        Trials with a target. Trials of an item that share everything before the target are one frame; their
        targets are its candidates.
    options
        How many completions to list, and what the model sees.

    Returns
    -------
    DataFrame
        For each trial, in region `target`: `cloze` (probability of the target), `cloze_candidates` (the same,
        renormalised over the frame's candidates, where it has several), `rank` (1 + the number of tokens that are
        more probable in the blank than the target) and `entropy` (of the token distribution at the blank, in bits);
        and in region `completion` the model's own words: `word_id` is the rank, `value` the probability.

    References
    ----------
    Taylor (1953), Cloze procedure, Journalism Quarterly 30, 415-433; Federmeier & Kutas (1999), A rose by any
    other name, Journal of Memory and Language 41, 469-495.
    """
    words = target_words(model, trials, right_context=options.right_context)
    tokens = tokenized(model, words, cut=True)
    frames = _frames(trials, words)
    first = {frame: index for index, frame in reversed(list(enumerate(frames)))}
    queries = {
        frame: query
        for frame, index in first.items()
        if (query := model.blank_query(tokens[index].ids, tokens[index].first, tokens[index].last)) is not None
    }
    scores, distributions = score_words(
        model, words, tokens, correction=options.correction, hiding="within_word", blanks=list(queries.values())
    )
    language = str(trials["language"].iloc[0])
    completions = _completions(model, list(queries.values()), distributions, language, options)
    blanks = {
        frame: Blank(distribution, _entropy(distribution), found)
        for frame, distribution, found in zip(queries, distributions, completions, strict=True)
    }
    log_probabilities = np.array([score.log_probability for score in scores])
    shares = _renormalised(log_probabilities, frames)
    sizes = Counter(frames)
    places = word_ids(trials)
    rows: list[tuple[object, ...]] = []
    for index, (trial, target) in enumerate(zip(trials["trial"], trials["target"], strict=True)):
        blank, note = blanks.get(frames[index]), scores[index].note
        values = {
            "cloze": math.exp(log_probabilities[index]),
            "cloze_candidates": shares[index],
            "rank": _rank(blank, scores[index].uncorrected),
            "entropy": blank.entropy if blank else math.nan,
        }
        if sizes[frames[index]] == 1:
            del values["cloze_candidates"]  # nothing to choose from
        rows += [(trial, "target", places[index], target, name, value, note) for name, value in values.items()]
        for rank, completion in enumerate(blank.completions if blank else [], start=1):
            probability = math.exp(completion.log_probability)
            rows.append((trial, "completion", rank, completion.word, "cloze", probability, ""))
    return pd.DataFrame(rows, columns=SCORE_COLUMNS)


def _frames(trials: pd.DataFrame, words: Sequence[Word]) -> list[tuple[str, str, str]]:
    """Name each trial's frame: its item and everything the model sees around the blank."""
    return [
        (item, word.text[: word.span[0]], word.text[word.span[1] :])
        for item, word in zip(trials["item"], words, strict=True)
    ]


def _renormalised(log_probabilities: np.ndarray, frames: list[tuple[str, str, str]]) -> np.ndarray:
    """Share of each candidate in the probability of its frame's candidates."""
    numbers, _ = pd.factorize(pd.MultiIndex.from_tuples(frames))
    totals = np.full(numbers.max() + 1, -np.inf)
    with np.errstate(invalid="ignore"):  # NaN where the model cannot predict a candidate
        np.logaddexp.at(totals, numbers, log_probabilities)  # in logarithms: improbable words do not become 0 / 0
    return np.asarray(np.exp(log_probabilities - totals[numbers]))


def _rank(blank: Blank | None, log_probability: float) -> float:
    if blank is None or math.isnan(log_probability):
        return math.nan
    # The target's own token, predicted in another batch, must not count as more probable than the target.
    return 1.0 + float((blank.distribution.double() > log_probability + ROUNDING).sum())


ROUNDING = 1e-4
"""Nats by which a log-probability may differ from batch to batch."""


def _entropy(distribution: Tensor) -> float:
    """Entropy in bits of natural log-probabilities; a token of probability 0 adds nothing."""
    return float(-(distribution.exp() * distribution).nansum()) / LN2


def _completions(
    model: LanguageModel,
    queries: Sequence[Query],
    distributions: Sequence[Tensor],
    language: str,
    options: ClozeOptions,
) -> list[list[Completion]]:
    if options.top_k == 0:
        return [[] for _ in queries]
    if corrects(model, language):
        prefixes = [query.ids for query in queries]
        return word_completions(model, prefixes, distributions, options.top_k, correction=options.correction)
    spaced = not written_without_spaces(language)
    return [single_token_completions(model, one, options.top_k, spaced=spaced) for one in distributions]
