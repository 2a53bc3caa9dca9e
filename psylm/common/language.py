"""What psylm must know of a written language: whether it separates words, and where they lie."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Any

from psylm.common.errors import PsylmError

UNSPACED = {"ja", "zh", "th", "lo", "km", "my", "bo"}
"""Languages (BCP 47) whose script does not put a space between words."""

Span = tuple[int, int]


def written_without_spaces(language: str) -> bool:
    """Whether a language's script leaves no space between words.

    Parameters
    ----------
    language
        BCP 47 tag.

    Examples
    --------
    >>> written_without_spaces("ja-JP"), written_without_spaces("en")
    (True, False)
    """
    return language.split("-")[0].lower() in UNSPACED


def word_spans(text: str, language: str = "en") -> list[Span]:
    """Find the words of a text by character offsets.

    Words of languages with spaces are what stands between spaces, punctuation included; Japanese words are the
    short units of UniDic, found by MeCab (`fugashi`).

    Parameters
    ----------
    text
        The text.
    language
        BCP 47 tag.

    Returns
    -------
    list of (int, int)
        Start and end of each word; `text[start:end]` is the word.

    Raises
    ------
    PsylmError
        The language needs a word segmenter that is not installed or that psylm does not have.

    Examples
    --------
    >>> word_spans("Time  flies.")
    [(0, 4), (6, 12)]
    """
    if not written_without_spaces(language):
        return [match.span() for match in re.finditer(r"\S+", text)]
    if language.split("-")[0].lower() != "ja":
        raise PsylmError(f"psylm has no word segmenter for language {language!r}; give regions or targets")
    spans, end = [], 0
    for word in _mecab()(text):
        start = text.index(word.surface, end)
        end = start + len(word.surface)
        spans.append((start, end))
    return spans


def split_punctuation(text: str, spans: Sequence[Span]) -> list[Span]:
    """Divide words from the punctuation at their ends; that within a word (don't, well-known) stays in it.

    Examples
    --------
    >>> text = "(She didn't!)"
    >>> [text[slice(*span)] for span in split_punctuation(text, word_spans(text))]
    ['(', 'She', "didn't", '!)']
    """
    pieces: list[Span] = []
    for start, end in spans:
        letters = [at for at in range(start, end) if unicodedata.category(text[at])[0] not in "PS"]
        edges = [start, letters[0], letters[-1] + 1, end] if letters else [start, end]
        pieces += [(a, b) for a, b in pairwise(edges) if a < b]
    return pieces


@cache
def _mecab() -> Any:
    try:
        import fugashi

        return fugashi.Tagger()
    except (ImportError, RuntimeError):
        raise PsylmError('Japanese words need fugashi and UniDic: `pip install "psylm[japanese]"`') from None
