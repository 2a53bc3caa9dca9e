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
    """

    text: str
    span: Span
    language: str


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


def texts(trials: pd.DataFrame) -> list[tuple[str, int]]:
    """Join each trial's context and sentence; return the text and the sentence's offset in it."""
    joined = []
    for context, sentence, language in zip(
        trials["context"], trials["sentence"], trials["language"], strict=True
    ):
        space = "" if not context or written_without_spaces(language) else " "
        joined.append((context + space + sentence, len(context) + len(space)))
    return joined


def target_words(trials: pd.DataFrame) -> list[Word]:
    """Return each trial's target, placed in its text."""
    return [
        Word(text, (offset + start, offset + start + len(target)), language)
        for (text, offset), start, target, language in zip(
            texts(trials), trials["start"], trials["target"], trials["language"], strict=True
        )
    ]


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
    model: LanguageModel, words: Sequence[Word], tokens: Sequence[WordTokens], *, correction: bool = True
) -> list[WordScore]:
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

    Returns
    -------
    list of WordScore
        In the order of the words.

    References
    ----------
    Pimentel & Meister (2024), How to compute the probability of a word, EMNLP,
    https://doi.org/10.18653/v1/2024.emnlp-main.1020; Kauf & Ivanova (2023), A better way to do masked language
    model scoring, ACL, https://doi.org/10.18653/v1/2023.acl-short.80.
    """
    queries: list[Query] = []
    owners: list[int] = []
    for index, word in enumerate(tokens):
        mine = model.word_queries(word.ids, word.first, word.last) if word.first < word.last else []
        queries += mine
        owners += [index] * len(mine)

    def reduce(log_probabilities: Tensor, wanted: Tensor) -> tuple[float, float, float]:
        known = wanted >= 0
        rows = torch.arange(len(wanted), device=wanted.device)[known]
        ends = log_probabilities[[0, -1]].masked_fill(~model.begins_unit, -torch.inf).logsumexp(-1)
        return (log_probabilities[rows, wanted[known]].double().sum().item(), *ends.tolist())

    sums = [0.0] * len(words)
    boundaries = {}
    for owner, (log_tokens, before, after) in zip(owners, model.predict(queries, reduce), strict=True):
        sums[owner] += log_tokens
        boundaries[owner] = (before, after)
    scores = []
    for index, (word, mine) in enumerate(zip(words, tokens, strict=True)):
        if index not in boundaries:
            note = NO_BEGINNING if mine.first < mine.last else NO_TOKEN
            scores.append(WordScore(float("nan"), float("nan"), note))
            continue
        change = 0.0
        if correction and corrects(model, word.language):
            before, after = boundaries[index]
            change -= before if bool(model.begins_unit[mine.ids[mine.first]]) else 0.0
            change += after if _is_over(word) else 0.0
        scores.append(WordScore(sums[index] + change, sums[index]))
    return scores


def corrects(model: LanguageModel, language: str) -> bool:
    """Whether the word-boundary correction is defined for a model and language."""
    marks = model.tokenizer.word_marking != "none"
    return model.family == "causal" and marks and not written_without_spaces(language)


def _is_over(word: Word) -> bool:
    """Whether the text itself ends the word where its span ends: not so for `don` in `don't`."""
    following = word.text[word.span[1] : word.span[1] + 1]
    return following == "" or not (
        following in INSIDE_WORDS or unicodedata.category(following)[0] in "LMN"
    )
