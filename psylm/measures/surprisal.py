"""Surprisal: how unexpected a word is in its context, and what else the model's distribution says there."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pandas as pd
from pydantic import BaseModel, Field

from psylm.common.language import cut_spans, split_punctuation, word_spans
from psylm.measures.registry import SCORE_COLUMNS, measure
from psylm.measures.words import (
    APART,
    LN2,
    NO_BEGINNING,
    SHARED,
    UNKNOWN,
    Word,
    WordScore,
    WordTokens,
    given,
    is_over,
    score_words,
    target_words,
    texts,
    tokenized,
)
from psylm.stimuli.regions import Region, parse_regions

if TYPE_CHECKING:
    import numpy as np

    from psylm.measures.reduction import Statistic
    from psylm.models.base import LanguageModel

Unit = Literal["token", "word", "region", "sentence"]
Quantity = Literal["surprisal", "log_probability", "entropy", "entropy_reduction", "renyi_entropy", "rank"]


class SurprisalOptions(BaseModel, extra="forbid"):
    """What can be chosen of `surprisal`."""

    words: Literal["target", "all"] = Field(default="target", description="score the target, or every word")
    units: Annotated[list[Unit], Field(min_length=1)] = Field(
        default=["word"], description="a row a token, word, region or sentence; several may be asked for at once"
    )
    quantities: Annotated[list[Quantity], Field(min_length=1)] = Field(
        default=["surprisal"], description="what to report; each becomes a measure of its name in the results"
    )
    alpha: float = Field(default=0.5, gt=0, lt=10, description="order of the Rényi entropy; 1 is Shannon's")
    correction: bool = Field(default=True, description="word-boundary correction of Pimentel & Meister (2024)")
    punctuation: Literal["attached", "apart"] = Field(
        default="attached", description="punctuation belongs to the word that it touches, or stands apart"
    )
    window: int | None = Field(default=None, ge=2, description="tokens read at a time; the model's window by default")
    overlap: int | None = Field(
        default=None, ge=0, description="tokens of context at least in a text of several windows; half by default"
    )


@measure(
    "surprisal",
    needs={"words"},
    options=SurprisalOptions,
    gives=lambda options: options.quantities,
    meaning="surprisal of a word in its context, -log2 p(word | context), in bits",
)
def surprisal(model: LanguageModel, trials: pd.DataFrame, options: SurprisalOptions) -> pd.DataFrame:
    r"""Score words by their surprisal, -log2 p(word | context), and by what else the same pass gives.

    The context of a model that reads from left to right is what stands to the left; that of others is the whole
    text. See `psylm.measures.words.score_words` for how a word's tokens are combined. A text that is longer than
    the model's window is read in windows, each word with `overlap` tokens before it at least.

    Parameters
    ----------
    model
        A model.
    trials
        Trials; those without a target are scored word by word. The context is conditioned on, never scored.
    options
        Which words, in which units, and which quantities: `surprisal` (bits), `log_probability` (natural),
        `entropy` of the distribution over the next token before the word (bits), `entropy_reduction` that the word
        brings, :math:`\max(0, H_{before} - H_{after})` (bits; models that read from left to right), `renyi_entropy`
        of order `alpha` (bits) and `rank` of the word's first token.

    Returns
    -------
    DataFrame
        One row a unit and quantity. Regions and sentences are the sums of their tokens, and have surprisal and
        log-probability only. `word_id` counts words, and tokens where the unit is the token; -1 for others. White
        space belongs to the word after it, at the end of a text to the last. A word that shares a token with the next,
        and a region whose edge lies in a token, have no value, with a note; what they are parts of has one.

    References
    ----------
    Hale (2001), A probabilistic Earley parser as a psycholinguistic model, NAACL; Levy (2008), Expectation-based
    syntactic comprehension, Cognition 106, 1126-1177; Hale (2006), Uncertainty about the rest of the sentence,
    Cognitive Science 30, 643-672; Pimentel et al. (2023), On the effect of anticipation on reading times, TACL 11.
    """
    targeted = (trials["target"] != "") & (options.words == "target") & (_sums(options) == [])
    rows: list[tuple[Any, ...]] = []
    with model.reading(options.window, options.overlap):
        for part, cut in ((trials[targeted], True), (trials[~targeted], False)):
            if len(part):
                places = _targets(model, part) if cut else _all_words(part, options)
                rows += _scored(model, places, options, cut=cut)
    return pd.DataFrame(rows, columns=SCORE_COLUMNS)


@dataclass(frozen=True)
class Place:
    """A word to score, and where it belongs in the results."""

    trial: int
    region: str
    number: int
    word: Word
    shift: int = 0
    regions: Sequence[Region] = field(default=())


def _sums(options: SurprisalOptions) -> list[Unit]:
    """Units that are sums of words, for which every word is needed."""
    return [unit for unit in options.units if unit in ("region", "sentence")]


def _targets(model: LanguageModel, trials: pd.DataFrame) -> list[Place]:
    found = zip(trials["trial"], word_ids(trials), target_words(model, trials), strict=True)
    return [Place(trial, "target", number, word) for trial, number, word in found]


def _all_words(trials: pd.DataFrame, options: SurprisalOptions) -> list[Place]:
    places = []
    for trial, (text, shift) in zip(trials.to_dict("records"), texts(trials), strict=True):
        regions = parse_regions(trial["regions"])
        spans = word_spans(trial["sentence"], trial["language"])
        if options.punctuation == "apart":
            spans = split_punctuation(trial["sentence"], spans)
        spans = cut_spans(spans, sorted({edge for region in regions for edge in region[1:]}))
        for number, (start, end) in enumerate(spans):
            word = Word(
                text,
                (shift + start, shift + end),
                trial["language"],
                is_over(text, shift + end),
                given(trial["context"]),
            )
            region = next((region.name for region in regions if region.start <= start < region.end), "sentence")
            if trial["target"] and start < trial["start"] + len(trial["target"]) and trial["start"] < end:
                region = "target"
            places.append(Place(trial["trial"], region, number, word, shift, regions))
    return places


def _scored(
    model: LanguageModel, places: Sequence[Place], options: SurprisalOptions, *, cut: bool
) -> Iterator[tuple[Any, ...]]:
    words = [place.word for place in places]
    tokens = tokenized(model, words, cut=cut)
    statistics = _statistics(options)
    scores, _ = score_words(model, words, tokens, correction=options.correction, statistics=statistics)
    order = list(statistics)
    if "word" in options.units:
        for place, score in zip(places, scores, strict=True):
            text = place.word.text[slice(*place.word.span)]
            for quantity in options.quantities:
                value = _value(quantity, score.log_probability, score.items, order, model)
                note = score.note
                if math.isnan(value) and not note:
                    note = NO_AFTER if quantity == "entropy_reduction" and not model.left_to_right else NOT_FINITE
                yield place.trial, place.region, place.number, text, quantity, value, note
    if "token" in options.units:
        yield from _tokens(model, places, tokens, scores, order, options)
    for unit in _sums(options):
        yield from _summed(unit, places, tokens, scores, options)


NO_AFTER = "the model sees both sides: there is no distribution before and after the word"
NOT_FINITE = "the model's output is not a finite number"
TOKEN = "token"
"""The region of rows that are tokens."""


def _statistics(options: SurprisalOptions) -> dict[str, Statistic]:
    """Return what is wanted of each distribution, by a name that begins with the quantity's."""
    asked: dict[str, Statistic] = {}
    if {"entropy", "entropy_reduction"} & set(options.quantities):
        asked["entropy"] = lambda distributions, places, _: distributions.entropy()[places] / LN2
    if "renyi_entropy" in options.quantities:
        alpha = options.alpha
        asked[f"renyi_entropy-{alpha}"] = lambda distributions, places, _: distributions.renyi(alpha)[places] / LN2
    if "rank" in options.quantities:
        asked["rank"] = lambda distributions, places, tokens: distributions.rank(places, tokens)
    return asked


def _value(
    quantity: Quantity, log_probability: float, items: np.ndarray, statistics: Sequence[str], model: LanguageModel
) -> float:
    """Return a quantity of a word or token, whose items are its tokens' and, perhaps, the place after them."""
    if quantity in LOGARITHMIC:
        return LOGARITHMIC[quantity] * log_probability
    if not len(items):
        return math.nan
    if quantity == "entropy_reduction":
        entropies = items[:, 2 + statistics.index("entropy")]
        return max(0.0, float(entropies[0] - entropies[-1])) if model.left_to_right else math.nan
    return float(items[0, 2 + next(n for n, name in enumerate(statistics) if name.startswith(quantity))])


LOGARITHMIC: dict[Quantity, float] = {"surprisal": -1 / LN2, "log_probability": 1.0}
"""Quantities that are log-probabilities, which add up, and their unit."""


def _tokens(
    model: LanguageModel,
    places: Sequence[Place],
    tokens: Sequence[WordTokens],
    scores: Sequence[WordScore],
    statistics: Sequence[str],
    options: SurprisalOptions,
) -> Iterator[tuple[Any, ...]]:
    """Give a row a token: never corrected, since the correction belongs to whole words."""
    for trial, group in groupby(zip(places, tokens, scores, strict=True), lambda one: one[0].trial):
        number = 0
        for _, mine, score in group:
            for index in range(mine.last - mine.first):
                text = model.tokenizer.text((mine.ids[mine.first + index],))
                known = mine.note != UNKNOWN
                items = score.items[index : index + 2] if known else score.items[:0]
                log_probability = float(items[0, 0]) if len(items) else math.nan
                note = NO_BEGINNING if known else UNKNOWN
                for quantity in options.quantities:
                    value = _value(quantity, log_probability, items, statistics, model)
                    yield trial, TOKEN, number, text, quantity, value, note if math.isnan(value) else ""
                number += 1


def _summed(
    unit: Unit,
    places: Sequence[Place],
    tokens: Sequence[WordTokens],
    scores: Sequence[WordScore],
    options: SurprisalOptions,
) -> Iterator[tuple[Any, ...]]:
    """Sum words to regions or sentences; an empty region has a surprisal of 0."""
    for trial, group in groupby(zip(places, tokens, scores, strict=True), lambda one: one[0].trial):
        mine = list(group)
        place = mine[0][0]
        text = place.word.text[place.shift :]
        starts = [one.word.span[0] - place.shift for one, _, _ in mine]
        for region in [Region("sentence", 0, len(text))] if unit == "sentence" else place.regions:
            within = [one[1:] for start, one in zip(starts, mine, strict=True) if region.start <= start < region.end]
            total, note = _total(within)
            for quantity in LOGARITHMIC.keys() & set(options.quantities):
                words = text[region.start : region.end]
                yield trial, region.name, -1, words, quantity, LOGARITHMIC[quantity] * total, note


def _total(words: Sequence[tuple[WordTokens, WordScore]]) -> tuple[float, str]:
    """Return the log-probability of words in a row, and a note: why there is none, or what is to be known of it."""
    if words and (words[0][0].shared[0] or words[-1][0].shared[1]):
        return math.nan, SHARED
    total = sum(score.share for _, score in words)
    return total, "; ".join(
        sorted({score.note for _, score in words if math.isnan(score.share) == math.isnan(total)} - {"", *APART})
    )


def word_ids(trials: pd.DataFrame) -> list[int]:
    """Return the place of each target among its sentence's words, from 0."""
    return [
        sum(end <= trial["start"] for _, end in word_spans(trial["sentence"], trial["language"]))
        for trial in trials.to_dict("records")
    ]
