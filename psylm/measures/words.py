"""Log-probabilities of words in context, from those of their tokens."""

from __future__ import annotations

import hashlib
import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from psylm.common.language import Span, ends_word, space_between, written_without_spaces
from psylm.measures.reduction import KEEP, Statistic, Wanted

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

    from psylm.models.base import LanguageModel
    from psylm.models.families import Hiding
    from psylm.models.query import Query
    from psylm.models.tokens import Encoding, Tokenizer

LN2 = 0.6931471805599453

NO_BEGINNING = "first word: no beginning-of-sequence token or other start stands before it"
NO_TOKEN = "the model's tokenizer makes no token of it"
SHARED = "shares a token with the text beside it"
UNKNOWN = "unknown word: the model's vocabulary lacks a part of it"
UNKNOWN_CONTEXT = "the model's vocabulary lacks a word of its context"


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
    given
        Characters at the text's beginning that are conditioned on, never scored; white space at the edge of context
        and sentence among them if the context has it and it is more than a space.
    """

    text: str
    span: Span
    language: str
    over: bool = True
    given: int = 0


@dataclass(frozen=True)
class WordTokens:
    """A word as a model's tokens.

    Parameters
    ----------
    ids
        Tokens of the whole text, without special tokens.
    first, last
        The word's tokens are `ids[first:last]`; white space before the word is among them.
    note
        Why the model can give the word no value.
    shared
        Whether the token before the word reaches into it, and whether its last token reaches beyond it.
    spaced
        Whether white space ends the token before the word, and the word's last token.
    context_known
        Whether the model's vocabulary has all that the word is predicted from.
    """

    ids: tuple[int, ...]
    first: int
    last: int
    note: str = ""
    shared: tuple[bool, bool] = (False, False)
    spaced: tuple[bool, bool] = (False, False)
    context_known: bool = True


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
        Why there is none, or what is to be known of it.
    items
        For each token of the word, and for a model that reads from left to right the place after it: natural
        log-probability, log-probability that a new unit begins, and what else was asked [items, 2 + statistics].
    share
        What the word's tokens add to the log-probability of a text that it is a part of. It is known, too, of a word
        that has a token in common with the next.
    """

    log_probability: float
    uncorrected: float
    note: str = ""
    items: np.ndarray = field(default_factory=lambda: np.empty((0, 2)))
    share: float = math.nan


REMEMBERED = 100_000
"""Words whose scores a model remembers, so that measures that need the same ones do not compute them again."""


def texts(trials: pd.DataFrame) -> list[tuple[str, int]]:
    """Join each trial's context and sentence; return the text and the sentence's offset in it.

    A space comes between them in languages that are written so, unless there is white space already.
    """
    joined = []
    for context, sentence, language in zip(trials["context"], trials["sentence"], trials["language"], strict=True):
        space = space_between(context, sentence, language)
        joined.append((context + space + sentence, len(context) + len(space)))
    return joined


def given(context: str) -> int:
    r"""Return how many characters of a context are conditioned on: all but spaces at its end.

    A space belongs to the word after it, with which most tokenizers join it; a line break is the context's own.

    Examples
    --------
    >>> given("It rained. "), given("It rained.\n")
    (10, 11)
    """
    return len(context.rstrip(" "))


def target_words(model: LanguageModel, trials: pd.DataFrame, *, right_context: bool = True) -> list[Word]:
    """Return each trial's target, placed in the text that the model sees.

    A causal model sees nothing after the word; a masked one everything, or, without right context, only the mark
    that ends the sentence.
    """
    words = []
    for (text, offset), context, start, target, language in zip(
        texts(trials), trials["context"], trials["start"], trials["target"], trials["language"], strict=True
    ):
        end = offset + start + len(target)
        seen = text
        if model.left_to_right or not right_context:
            mark = unicodedata.category(text[-1])[0] == "P" and end < len(text)
            seen = text[:end] + (text[-1] if mark and not model.left_to_right else "")
        words.append(Word(seen, (offset + start, end), language, is_over(text, end), given(context)))
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
    encodings: dict[tuple[str, tuple[int, ...]], Encoding] = {}
    found = []
    for word in words:
        cuts = tuple(sorted({word.given, *(word.span if cut else ())}))
        if (word.text, cuts) not in encodings:
            encodings[word.text, cuts] = encoding = model.tokenizer.encode(word.text, cuts)
            if not model.left_to_right:
                model.check_length(model.sequence(encoding.ids), f"text {word.text[:40]!r}…")
        found.append(_word_tokens(model, word, encodings[word.text, cuts]))
    return found


def _word_tokens(model: LanguageModel, word: Word, encoding: Encoding) -> WordTokens:
    first, last = encoding.within(word.span, word.given)
    shared = _reaches_over(word, encoding, first, word.span[0]), _reaches_over(word, encoding, last, word.span[1])
    note = ""
    if is_unknown(model.tokenizer, encoding, (first, last), word.span):
        note = UNKNOWN
    elif any(shared):
        note = SHARED
    elif first == last:
        note = NO_TOKEN
    seen = [(0, first), (last, len(encoding.ids))][: 1 if model.left_to_right else 2]
    known = all(model.tokenizer.unknown.isdisjoint(encoding.ids[a:b]) for a, b in seen)
    spaced = _ends_in_space(word, encoding, first), _ends_in_space(word, encoding, last)
    return WordTokens(encoding.ids, first, last, note, shared, spaced, known)


def is_unknown(tokenizer: Tokenizer, encoding: Encoding, tokens: Span, span: Span) -> bool:
    """Whether a vocabulary lacks a part of some text: it has a token that stands for anything, or none for a letter."""
    lost = any(span[0] <= at < span[1] for at in encoding.lost)
    return lost or not tokenizer.unknown.isdisjoint(encoding.ids[slice(*tokens)])


def _reaches_over(word: Word, encoding: Encoding, number: int, edge: int) -> bool:
    """Whether the token before a number lies on both sides of an edge, white space apart."""
    if not number or encoding.starts[number - 1] >= edge:
        return False
    return word.text[edge : encoding.ends[number - 1]].strip() != ""


def _ends_in_space(word: Word, encoding: Encoding, number: int) -> bool:
    """Whether white space ends the token before a number."""
    end = encoding.ends[number - 1] if number else 0
    return word.text[max(end - 1, 0) : end].isspace()


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
    kind = (tuple(statistics or ()), hiding, boundaries, model.window, model.overlap, model.sequence(()))
    fresh: dict[Any, np.ndarray] = {}
    asked: dict[int, list[tuple[Any, WordTokens]]] = {}
    keys = _keys(model, tokens, kind)
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


def _keys(model: LanguageModel, tokens: Sequence[WordTokens], kind: Any) -> list[Any]:
    """Name what each word's score depends on: tokens, up to its end for a model that reads from left to right."""
    beginnings: dict[int, list[bytes]] = {}
    keys: list[Any] = []
    for mine in tokens:
        if id(mine.ids) not in beginnings:
            beginnings[id(mine.ids)] = _beginnings(mine.ids)
        read = mine.last if model.left_to_right else len(mine.ids)
        keys.append((beginnings[id(mine.ids)][read], mine.first, mine.last, kind))
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
    note = tokens.note or ("" if tokens.context_known else UNKNOWN_CONTEXT)
    if items is None:
        return WordScore(math.nan, math.nan, note or NO_TOKEN, share=0.0 if tokens.note in ("", *APART) else math.nan)
    if not len(items):
        return WordScore(math.nan, math.nan, NO_BEGINNING)
    uncorrected = float(items[: tokens.last - tokens.first, 0].sum())
    change = 0.0
    if correction and corrects(model, word.language):
        change -= items[0, 1] if _begins_apart(model, word, tokens) else 0.0
        change += items[-1, 1] if word.over and not tokens.spaced[1] else 0.0
    if tokens.note == UNKNOWN:
        return WordScore(math.nan, math.nan, note, items)
    if tokens.note in APART:
        return WordScore(math.nan, math.nan, note, items, uncorrected + change)
    return WordScore(uncorrected + change, uncorrected, note, items, uncorrected + change)


APART = (SHARED, NO_TOKEN)
"""Notes of words without a value of their own, in texts that have one."""


def _begins_apart(model: LanguageModel, word: Word, tokens: WordTokens) -> bool:
    """Whether a word's probability is one given that the word before it is over, which is yet to be seen."""
    if tokens.first == 0:
        return bool(model.begins_unit[tokens.ids[0]])
    return not tokens.spaced[0] and is_over(word.text, len(word.text[: word.span[0]].rstrip()))


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
    return following == "" or ends_word(following)
