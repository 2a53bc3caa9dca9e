"""What a text says of its words: length, frequency, punctuation, and where they stand."""

from __future__ import annotations

import unicodedata

import numpy as np
import pandas as pd

from psylm.common.language import word_spans

KEYS = ["item", "condition", "word_id"]
"""What tells words apart."""

MARKS, CLOSING = ".!?。！？", "\"'”’)]»」』"
"""A sentence ends with one of these marks, and what may close after it."""


def zipf(words: pd.Series, language: str) -> pd.Series:
    """Return words' log10 frequency per billion words, from `wordfreq`: 0 for unknown words, NaN for unknown languages.

    Examples
    --------
    >>> zipf(pd.Series(["the", "cup,", "xqzt"]), "en").round(1).tolist()
    [7.7, 5.1, 0.0]
    """
    from wordfreq import available_languages, zipf_frequency

    code = language.split("-")[0]
    if code not in available_languages():
        return pd.Series(np.nan, words.index)
    return words.map({word: zipf_frequency(word, code) for word in words.unique()}).astype(float)


def words_of(items: pd.DataFrame, language: str) -> pd.DataFrame:
    """Return every word of every item's sentence, with what the text says of it.

    Parameters
    ----------
    items
        Items of a set: `item`, `condition`, `sentence`, `start`.
    language
        BCP 47 tag.

    Returns
    -------
    DataFrame
        In reading order: `item`, `condition`, `word_id`, `word`, `is_target`; `length` in characters, as displayed;
        `log_frequency`, as `zipf` gives it; `punctuation`, 1 where it ends or follows the word; `sentence` of the text,
        `position` in it, and `text_position`, from 0.
    """
    spans = {text: word_spans(text, language) for text in items["sentence"].unique()}
    rows = [
        (*row[:2], number, row[2][start:end], _closes(row[2], end), start <= row[3] < end)
        for row in items[["item", "condition", "sentence", "start"]].itertuples(index=False, name=None)
        for number, (start, end) in enumerate(spans[row[2]])
    ]
    words = pd.DataFrame(rows, columns=[*KEYS, "word", "punctuation", "is_target"])
    words = words.astype({"item": "string", "condition": "string", "punctuation": float})
    ends = words["word"].str.rstrip(CLOSING).str.endswith(tuple(MARKS))
    texts = [words["item"], words["condition"]]
    number = ends.astype(int).groupby(texts, sort=False).cumsum() - ends.astype(int)
    return words.assign(
        length=words["word"].str.len().astype(float),
        log_frequency=zipf(words["word"], language),
        text_position=words["word_id"],
        sentence=words["item"] + "." + number.astype(str),
        position=words.groupby([*texts, number], sort=False).cumcount(),
    )


def _closes(text: str, end: int) -> bool:
    """Whether punctuation ends or follows a word."""
    return any(unicodedata.category(mark)[0] == "P" for mark in text[end - 1 : end + 1])
