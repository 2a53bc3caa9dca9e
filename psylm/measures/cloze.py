"""Cloze: what a model expects in a blank, and how it takes the words that an experiment puts there."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pydantic import BaseModel, Field

from psylm.common.language import written_without_spaces
from psylm.measures.completions import Completion, single_token_completions, word_completions
from psylm.measures.registry import SCORE_COLUMNS, measure
from psylm.measures.surprisal import word_ids
from psylm.measures.words import LN2, Word, corrects, score_words, target_words, tokenized

if TYPE_CHECKING:
    from torch import Tensor

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


NO_SHARE = "another candidate of the frame cannot be scored"


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
    needs={"blanks"},
    options=ClozeOptions,
    gives=lambda options: ("cloze", "cloze_candidates", "rank", "entropy"),
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
        distinct targets are its candidates.
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
    languages = [words[first[frame]].language for frame in queries]
    completions = _completions(model, list(queries.values()), distributions, languages, options)
    blanks = {
        frame: Blank(distribution, _entropy(distribution), found)
        for frame, distribution, found in zip(queries, distributions, completions, strict=True)
    }
    log_probabilities = np.array([score.log_probability for score in scores])
    completed = [(mine.ids[mine.first : mine.last], word.over) for mine, word in zip(tokens, words, strict=True)]
    shares, sizes = candidate_shares(log_probabilities, frames, completed)
    places = word_ids(trials)
    rows: list[tuple[object, ...]] = []
    for index, (trial, target) in enumerate(zip(trials["trial"], trials["target"], strict=True)):
        blank, note = blanks.get(frames[index]), scores[index].note
        values = {
            "cloze": math.exp(log_probabilities[index]),
            "cloze_candidates": shares[index],
            "rank": rank_in(blank, scores[index].uncorrected, completed[index][0]),
            "entropy": blank.entropy if blank else math.nan,
        }
        if sizes[index] == 1:
            del values["cloze_candidates"]  # nothing to choose from
        notes = dict.fromkeys(values, note)
        if math.isnan(shares[index]):
            notes["cloze_candidates"] = note or NO_SHARE
        rows += [(trial, "target", places[index], target, name, value, notes[name]) for name, value in values.items()]
        for rank, completion in enumerate(blank.completions if blank else [], start=1):
            probability = math.exp(completion.log_probability)
            rows.append((trial, "completion", rank, completion.word, "cloze", probability, ""))
    return pd.DataFrame(rows, columns=SCORE_COLUMNS)


def _frames(trials: pd.DataFrame, words: Sequence[Word]) -> list[tuple[str, str, str, str]]:
    """Name each trial's frame: its item, language and everything the model sees around the blank."""
    return [
        (item, word.language, word.text[: word.span[0]], word.text[word.span[1] :])
        for item, word in zip(trials["item"], words, strict=True)
    ]


def candidate_shares(
    log_probabilities: np.ndarray, frames: Sequence[Hashable], completions: Sequence[Hashable]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the share of each trial's completion in its frame, and how many completions the frame has.

    A completion is one candidate, however many trials have it: two conditions may put the same word in a frame.

    Parameters
    ----------
    log_probabilities
        Natural log-probability of each trial's completion [trials]; NaN where there is none.
    frames, completions
        Each trial's frame, and its completion as the model reads it.

    Returns
    -------
    shares
        NaN in a frame with a candidate that has no probability [trials].
    sizes
        Number of candidates of each trial's frame [trials].

    Examples
    --------
    >>> shares, sizes = candidate_shares(np.log([0.6, 0.2, 0.6]), ["f"] * 3, ["soup", "salt", "soup"])
    >>> shares.round(2).tolist(), sizes.tolist()
    ([0.75, 0.25, 0.75], [2, 2, 2])
    """
    candidates = {pair: index for index, pair in reversed(list(enumerate(zip(frames, completions, strict=True))))}
    number = {frame: place for place, frame in enumerate(dict.fromkeys(frames))}
    totals, counts = np.full(len(number), -np.inf), np.zeros(len(number), int)
    for (frame, _), index in candidates.items():
        counts[number[frame]] += 1
        with np.errstate(invalid="ignore"):  # in logarithms: improbable words do not become 0 / 0
            totals[number[frame]] = np.logaddexp(totals[number[frame]], log_probabilities[index])
    places = np.array([number[frame] for frame in frames])
    return np.exp(log_probabilities - totals[places]), counts[places]


def rank_in(blank: Blank | None, log_probability: float, tokens: tuple[int, ...]) -> float:
    """Return 1 + the number of tokens that are more probable in a blank than a target.

    Parameters
    ----------
    blank
        What the model expects there, or None.
    log_probability
        Natural log-probability of the whole target, uncorrected.
    tokens
        The target's. One of a single token has its probability from the same distribution as the others: computed in
        another pass, it may differ in the last digit, and the target would come after itself.
    """
    if blank is None or math.isnan(log_probability):
        return math.nan
    distribution = blank.distribution.double()
    return 1.0 + float((distribution > (distribution[tokens[0]] if len(tokens) == 1 else log_probability)).sum())


def _entropy(distribution: Tensor) -> float:
    """Entropy in bits of natural log-probabilities; a token of probability 0 adds nothing."""
    return float(-(distribution.exp() * distribution).nansum()) / LN2


def _completions(
    model: LanguageModel,
    queries: Sequence[Query],
    distributions: Sequence[Tensor],
    languages: Sequence[str],
    options: ClozeOptions,
) -> list[list[Completion]]:
    found: list[list[Completion]] = [[] for _ in queries]
    if options.top_k == 0:
        return found
    for language in dict.fromkeys(languages):
        mine = [number for number, one in enumerate(languages) if one == language]
        blanks = [distributions[number] for number in mine]
        if corrects(model, language):
            prefixes = [queries[number].ids for number in mine]
            lists = word_completions(model, prefixes, blanks, options.top_k, correction=options.correction)
        else:
            spaced = not written_without_spaces(language)
            lists = [single_token_completions(model, blank, options.top_k, spaced=spaced) for blank in blanks]
        for number, completions in zip(mine, lists, strict=True):
            found[number] = completions
    return found
