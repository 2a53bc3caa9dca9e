"""Surprisal of whole sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd
from pydantic import BaseModel, Field

from psylm.measures.registry import SCORE_COLUMNS, measure
from psylm.measures.words import (
    LN2,
    UNKNOWN,
    Word,
    WordScore,
    WordTokens,
    given,
    is_unknown,
    score_words,
    texts,
)

if TYPE_CHECKING:
    from psylm.models.base import LanguageModel


class SentenceOptions(BaseModel, extra="forbid"):
    """What can be chosen of `sentence_surprisal`."""

    window: int | None = Field(default=None, ge=2, description="tokens read at a time; the model's window by default")
    overlap: int | None = Field(
        default=None, ge=0, description="tokens of context at least in a text of several windows; half by default"
    )


@measure(
    "sentence_surprisal",
    needs={"sentences"},
    options=SentenceOptions,
    meaning="surprisal of a sentence: the sum over its tokens of -log2 p(token | what precedes), in bits",
)
def sentence_surprisal(model: LanguageModel, trials: pd.DataFrame, options: SentenceOptions) -> pd.DataFrame:
    """Add up the surprisal of all tokens of each sentence; its context is conditioned on, not scored.

    Parameters
    ----------
    model
        A model that can read from left to right.
    trials
        Trials.
    options
        How much of a long text is read at a time.

    Returns
    -------
    DataFrame
        One row a sentence, in bits; NaN where nothing stands before it, neither a context nor a start, and where the
        model's vocabulary lacks a word. No token is of both context and sentence: where one would be, a token
        boundary is forced between them.
    """
    with model.reading(options.window, options.overlap):
        scores = score_sentences(model, trials)
    values = [-score.uncorrected / LN2 for score in scores]
    return sentence_table(trials, "sentence_surprisal", values, [score.note for score in scores])


def score_sentences(model: LanguageModel, trials: pd.DataFrame) -> list[WordScore]:
    """Score each trial's sentence after its context, left to right, as if it were a single long word."""
    words = [
        Word(text, (offset, len(text)), language, given=given(context))
        for (text, offset), context, language in zip(texts(trials), trials["context"], trials["language"], strict=True)
    ]
    return score_words(model, words, whole_sentences(model, words), correction=False)[0]


def whole_sentences(model: LanguageModel, words: Sequence[Word]) -> list[WordTokens]:
    """Find the tokens of sentences that are taken for a single word each: all after what is given."""
    found = []
    for word in words:
        encoding = model.tokenizer.encode(word.text, (word.given,))
        tokens = encoding.after(word.given), len(encoding.ids)
        unknown = is_unknown(model.tokenizer, encoding, tokens, (word.given, len(word.text)))
        known = model.tokenizer.unknown.isdisjoint(encoding.ids[: tokens[0]])
        found.append(WordTokens(encoding.ids, *tokens, UNKNOWN if unknown else "", context_known=known))
    return found


def sentence_table(trials: pd.DataFrame, name: str, values: Sequence[float], notes: Sequence[str]) -> pd.DataFrame:
    """Return the scores of whole sentences as a measure's table."""
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
