"""Log-probabilities of words in context, from those of their tokens."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor

from psylm.language import Span, written_without_spaces
from psylm.models.base import LanguageModel, Query
from psylm.models.tokens import INSIDE_WORDS

LN2 = 0.6931471805599453

NO_BEGINNING = "first word: the model has no beginning-of-sequence token"
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
    """Natural log-probability of a word, with and without the word-boundary correction; NaN with a note."""

    log_probability: float
    uncorrected: float
    note: str = ""


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
        if model.family == "causal" or not right_context:
            mark = unicodedata.category(text[-1])[0] == "P" and end < len(text)
            seen = text[:end] + (text[-1] if mark and model.family == "masked" else "")
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
    known: dict[tuple[str, Span], tuple[float, float, float]] = model.remembered
    if len(known) > REMEMBERED:
        known.clear()
    queries: dict[tuple[str, Span], list[Query]] = {}
    for word, mine in zip(words, tokens, strict=True):
        key = (word.text, word.span)
        if key not in known and key not in queries and mine.first < mine.last:
            queries[key] = model.word_queries(mine.ids, mine.first, mine.last)
    asked = [query for several in queries.values() for query in several]
    answers = model.predict([*asked, *blanks], lambda *distribution: _reduced(model, *distribution))
    parts = iter(answers[: len(asked)])
    for key, several in queries.items():
        if several:
            found = [next(parts) for _ in several]
            known[key] = (sum(part[0] for part in found), found[0][1], found[0][2])
    scores = []
    for word, mine in zip(words, tokens, strict=True):
        if (word.text, word.span) not in known:
            note = NO_BEGINNING if mine.first < mine.last else NO_TOKEN
            scores.append(WordScore(float("nan"), float("nan"), note))
            continue
        log_tokens, before, after = known[word.text, word.span]
        change = 0.0
        if correction and corrects(model, word.language):
            change -= before if bool(model.begins_unit[mine.ids[mine.first]]) else 0.0
            change += after if word.over else 0.0
        scores.append(WordScore(log_tokens + change, log_tokens))
    return scores, [distribution for *_, distribution in answers[len(asked) :]]


def _reduced(model: LanguageModel, log_probabilities: Tensor, wanted: Tensor) -> tuple[float, float, float, Tensor]:
    """Reduce a query to the log-probability of its tokens, and that of a boundary before and after them.

    A blank, which asks for no token, keeps its distribution.
    """
    if int(wanted[0]) < 0:
        return 0.0, 0.0, 0.0, log_probabilities[0].clone()
    rows = torch.arange(len(wanted), device=wanted.device)[wanted >= 0]
    ends = boundary(model, log_probabilities[[0, -1]])
    return (
        log_probabilities[rows, wanted[wanted >= 0]].double().sum().item(),
        *ends.tolist(),
        log_probabilities.new_empty(0),
    )


def boundary(model: LanguageModel, log_probabilities: Tensor) -> Tensor:
    """Return the log-probability [rows] that a new unit begins: the sum over the set B."""
    return log_probabilities.masked_fill(~model.begins_unit, -torch.inf).logsumexp(-1)


def corrects(model: LanguageModel, language: str) -> bool:
    """Whether the word-boundary correction is defined for a model and language."""
    marks = model.tokenizer.word_marking != "none"
    return model.family == "causal" and marks and not written_without_spaces(language)


def is_over(text: str, end: int) -> bool:
    """Whether the text itself ends a word at an offset: not so for `don` in `don't`.

    Examples
    --------
    >>> is_over("I don't.", 5), is_over("I don't.", 7)
    (False, True)
    """
    following = text[end : end + 1]
    return following == "" or not (following in INSIDE_WORDS or unicodedata.category(following)[0] in "LMN")
