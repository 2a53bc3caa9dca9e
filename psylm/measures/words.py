"""Log-probabilities of words in context, from those of their tokens."""

from __future__ import annotations

import hashlib
import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

from psylm.language import Span, written_without_spaces
from psylm.measures.wanted import KEEP, Statistic, Wanted
from psylm.models.base import Hiding, LanguageModel
from psylm.models.query import Query
from psylm.models.tokens import INSIDE_WORDS

LN2 = 0.6931471805599453

NO_BEGINNING = "first word: no beginning-of-sequence token or other start stands before it"
NO_TOKEN = "shares its only token with the word before it"


@dataclass(frozen=True)
class Word:
    """A word in its text.

    Parameters
    ----------
    text
        Everything that the model reads: context and sentence.
    span
        The word's characters.
    language
        BCP 47 tag of the text.
    over
        Whether the word ends where its span ends: not so for `don` in `don't`.
    """

    text: str
    span: Span
    language: str
    over: bool = True


@dataclass(frozen=True)
class WordTokens:
    """A word as a model's tokens.

    Parameters
    ----------
    ids
        Tokens of the whole text, without special tokens.
    first, last
        The word's tokens are `ids[first:last]`.
    """

    ids: tuple[int, ...]
    first: int
    last: int


@dataclass(frozen=True)
class WordScore:
    """What a model makes of a word; NaN with a note where it cannot predict it.

    Parameters
    ----------
    log_probability
        Natural log-probability of the word, corrected for word boundaries where that was asked.
    uncorrected
        The sum of the log-probabilities of its tokens.
    note
        Why there is none.
    items
        For each token of the word, and for a model that reads from left to right the place after it: natural
        log-probability, log-probability that a new unit begins, and what else was asked [items, 2 + statistics].
    """

    log_probability: float
    uncorrected: float
    note: str = ""
    items: np.ndarray = field(default_factory=lambda: np.empty((0, 2)))


REMEMBERED = 100_000
"""Words whose scores a model remembers, so that measures that need the same ones do not compute them again."""


def texts(trials: pd.DataFrame) -> list[tuple[str, int]]:
    """Join each trial's context and sentence; return the text and the sentence's offset in it."""
    joined = []
    for context, sentence, language in zip(trials["context"], trials["sentence"], trials["language"], strict=True):
        space = "" if not context or written_without_spaces(language) else " "
        joined.append((context + space + sentence, len(context) + len(space)))
    return joined


def target_words(model: LanguageModel, trials: pd.DataFrame, *, right_context: bool = True) -> list[Word]:
    """Return each trial's target, placed in the text that the model sees.

    A causal model sees nothing after the word; a masked one everything, or, without right context, only the mark
    that ends the sentence.
    """
    words = []
    for (text, offset), start, target, language in zip(
        texts(trials), trials["start"], trials["target"], trials["language"], strict=True
    ):
        end = offset + start + len(target)
        seen = text
        if model.left_to_right or not right_context:
            mark = unicodedata.category(text[-1])[0] == "P" and end < len(text)
            seen = text[:end] + (text[-1] if mark and not model.left_to_right else "")
        words.append(Word(seen, (offset + start, end), language, is_over(text, end)))
    return words


def tokenized(model: LanguageModel, words: Sequence[Word], *, cut: bool) -> list[WordTokens]:
    """Find each word's tokens; a text is tokenized once.

    Parameters
    ----------
    model
        The model whose tokenizer is used.
    words
        The words.
    cut
        Force a token boundary at both ends of the word where a token would straddle it.
    """
    encodings = {}
    for word in words:
        key = (word.text, word.span if cut else None)
        if key not in encodings:
            encodings[key] = model.tokenizer.encode(word.text, word.span if cut else ())
            if not model.left_to_right:
                model.check_length(model.sequence(encodings[key].ids), f"text {word.text[:40]!r}…")
    found = []
    for word in words:
        encoding = encodings[word.text, word.span if cut else None]
        found.append(WordTokens(encoding.ids, *encoding.within(word.span)))
    return found


def score_words(
    model: LanguageModel,
    words: Sequence[Word],
    tokens: Sequence[WordTokens],
    *,
    correction: bool = True,
    statistics: Mapping[str, Statistic] | None = None,
    hiding: Hiding | None = None,
    blanks: Sequence[Query] = (),
) -> tuple[list[WordScore], list[Tensor]]:
    r"""Score words in context.

    For a causal model log p(w | c) is the sum of the log-probabilities of the word's tokens. Where the tokenizer
    marks the beginning of words, this leaves open whether the word is over after its last token, and gives
    probability to sequences that cannot follow a finished word. With B the set of tokens that begin a new unit,

    .. math:: p(w \mid c) = \prod_t p(w_t \mid c, w_{<t}) \frac{p(B \mid c, w)}{p(B \mid c)}

    A masked model's word is scored left to right within the word, with both sides of the text seen.

    Parameters
    ----------
    model
        The model.
    words, tokens
        The words and their tokens, as `tokenized` finds them.
    correction
        Apply the correction where it is defined: for causal models whose tokenizer marks words, in languages
        written with spaces.
    statistics
        What else is wanted of each item, by name.
    hiding
        What is hidden from a model that can see both sides; by default as the model's family has it.
    blanks
        Queries of one position each, answered in the same pass, since blanks share the words' contexts.

    Returns
    -------
    list of WordScore
        In the order of the words.
    list of Tensor
        The natural log-probabilities [vocabulary] of each blank.

    References
    ----------
    Pimentel & Meister (2024), How to compute the probability of a word, EMNLP,
    https://doi.org/10.18653/v1/2024.emnlp-main.1020; Kauf & Ivanova (2023), A better way to do masked language
    model scoring, ACL, https://doi.org/10.18653/v1/2023.acl-short.80.
    """
    hiding = hiding or model.hiding
    known: dict[Any, np.ndarray] = model.remembered
    if len(known) > REMEMBERED:
        known.clear()
    boundaries = correction and any(corrects(model, word.language) for word in words)
    after = boundaries or bool(statistics)
    kind = (tuple(statistics or ()), hiding, boundaries, model.window, model.overlap)
    fresh: dict[Any, np.ndarray] = {}
    asked: dict[int, list[tuple[Any, WordTokens]]] = {}
    keys = _keys(model, words, tokens, kind)
    for key, mine in zip(keys, tokens, strict=True):
        if key not in known and key not in fresh and mine.first < mine.last:
            asked.setdefault(id(mine.ids), []).append((key, mine))
            fresh[key] = np.empty((0, 2))
    queries: list[Query] = []
    counts: list[tuple[Any, int]] = []
    for several in asked.values():
        several.sort(key=lambda one: (one[1].first, one[1].last))
        spans = [(one.first, one.last) for _, one in several]
        mine_, numbers = model.word_queries(several[0][1].ids, spans, hiding, after=after)
        queries += mine_
        counts += [(key, number) for (key, _), number in zip(several, numbers, strict=True)]
    wanted = Wanted(model, statistics or {}, boundaries=boundaries)
    answers = model.predict([*queries, *(replace(blank, tokens=(KEEP,)) for blank in blanks)], wanted)
    items = np.concatenate([np.empty((0, wanted.width)), *answers[: len(queries)]])
    end = 0
    for key, number in counts:
        fresh[key] = items[end : end + number]
        end += number
    known.update(fresh)
    scores = [
        _word_score(model, word, mine, known.get(key), correction)
        for word, mine, key in zip(words, tokens, keys, strict=True)
    ]
    return scores, [wanted.kept[int(answer[0, 0])] for answer in answers[len(queries) :]]


def _keys(model: LanguageModel, words: Sequence[Word], tokens: Sequence[WordTokens], kind: Any) -> list[Any]:
    """Name what each word's score depends on: for a model that reads from left to right the text up to its end."""
    beginnings: dict[int, list[bytes]] = {}
    keys: list[Any] = []
    for word, mine in zip(words, tokens, strict=True):
        if not model.left_to_right or len(model.sequence(mine.ids)) > model.window:
            keys.append((word.text, word.span, kind))
            continue
        if id(mine.ids) not in beginnings:
            beginnings[id(mine.ids)] = _beginnings(mine.ids)
        keys.append((beginnings[id(mine.ids)][mine.last], mine.first, kind))
    return keys


def _beginnings(ids: tuple[int, ...]) -> list[bytes]:
    """Return a digest of the first n tokens, for each n from 0."""
    digest = hashlib.blake2b(digest_size=16)
    found = [digest.digest()]
    for token in ids:
        digest.update(token.to_bytes(4, "little"))
        found.append(digest.digest())
    return found


def _word_score(
    model: LanguageModel, word: Word, tokens: WordTokens, items: np.ndarray | None, correction: bool
) -> WordScore:
    if items is None:
        return WordScore(math.nan, math.nan, NO_TOKEN)
    if not len(items):
        return WordScore(math.nan, math.nan, NO_BEGINNING)
    uncorrected = float(items[: tokens.last - tokens.first, 0].sum())
    change = 0.0
    if correction and corrects(model, word.language):
        change -= items[0, 1] if bool(model.begins_unit[tokens.ids[tokens.first]]) else 0.0
        change += items[-1, 1] if word.over else 0.0
    return WordScore(uncorrected + change, uncorrected, items=items)


def corrects(model: LanguageModel, language: str) -> bool:
    """Whether the word-boundary correction is defined for a model and language."""
    marks = model.tokenizer.word_marking != "none"
    return model.left_to_right and marks and not written_without_spaces(language)


def is_over(text: str, end: int) -> bool:
    """Whether the text itself ends a word at an offset: not so for `don` in `don't`.

    Examples
    --------
    >>> is_over("I don't.", 5), is_over("I don't.", 7)
    (False, True)
    """
    following = text[end : end + 1]
    return following == "" or not (following in INSIDE_WORDS or unicodedata.category(following)[0] in "LMN")
