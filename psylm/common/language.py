"""What psylm must know of a written language: whether it separates words, and where they lie."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import accumulate, pairwise
from typing import Any

from psylm.common.errors import PsylmError

UNSPACED = {"ja", "zh", "th", "lo", "km", "my", "bo"}
"""Languages (BCP 47) whose script does not put a space between words."""

INSIDE_WORDS = "'’-‐‑_"
"""Punctuation that does not end a word: apostrophes, hyphens, underscore."""

Span = tuple[int, int]


def ends_word(character: str) -> bool:
    r"""Whether a character ends the word before it: white space, symbols and most punctuation.

    Letters, marks, digits, apostrophes and hyphens do not, nor do characters without a width.

    Examples
    --------
    >>> [ends_word(character) for character in " ,🙂a’\u200d"]
    [True, True, True, False, False, False]
    """
    return character.isspace() or (unicodedata.category(character)[0] in "PS" and character not in INSIDE_WORDS)


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


def space_between(before: str, after: str, language: str) -> str:
    r"""Return what stands between two texts that are read as one: a space, where the language is written so.

    Nothing stands there beside an empty text, nor beside white space that is there already.

    Examples
    --------
    >>> [space_between(*pair, "en") for pair in (("It rained.", "He"), ("It rained.\n", "He"), ("", "He"))]
    [' ', '', '']
    >>> space_between("雨だ。", "彼は", "ja")
    ''
    """
    apart = not before or written_without_spaces(language) or before[-1].isspace() or after[:1].isspace()
    return "" if apart else " "


def has_segmenter(language: str) -> bool:
    """Whether `word_spans` finds the words of a language."""
    return not written_without_spaces(language) or language.split("-")[0].lower() == "ja"


SCRIPTS = {
    "LATIN": "en", "HIRAGANA": "ja", "KATAKANA": "ja", "CJK": "", "THAI": "th", "LAO": "lo", "KHMER": "km",
    "MYANMAR": "my", "TIBETAN": "bo",
}  # fmt: skip
"""Languages of scripts, by what the names of their letters begin with; several are written in Chinese characters."""


def language_of(text: str) -> str | None:
    """Guess the language of a text from the script of most of its letters.

    Returns
    -------
    str or None
        BCP 47 tag: `en` for any language in Latin letters, `und` for other scripts with spaces between words (and for
        a text without letters), Japanese where there are kana; None for Chinese characters alone, which Chinese and
        Japanese share.

    Examples
    --------
    >>> language_of("The cat sleeps."), language_of("猫が眠る。"), language_of("แมวนอน"), language_of("Кошка спит.")
    ('en', 'ja', 'th', 'und')
    >>> language_of("猫睡觉了。")
    """
    counts = Counter(
        SCRIPTS.get(re.split("[ -]", unicodedata.name(letter, ""))[0], "und") for letter in text if letter.isalpha()
    )
    if counts["ja"]:  # kana: the Chinese characters beside them are Japanese
        counts["ja"] += counts.pop("", 0)
    return max(counts, key=counts.__getitem__, default="und") or None


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
    spans: list[Span] = []
    end = 0
    for word in _mecab()(text):
        start = text.find(word.surface, end)
        if start < 0 or not word.surface.strip():
            continue
        spans += [*_between(text, end, start), (start, start + len(word.surface))]
        end = start + len(word.surface)
    return [*spans, *_between(text, end, len(text))]


def _between(text: str, start: int, end: int) -> list[Span]:
    """Return what stands between the words that the segmenter found: it stops at a character that it cannot read."""
    return [(start + match.start(), start + match.end()) for match in re.finditer(r"\S+", text[start:end])]


def find_text(text: str, wanted: str, start: int = 0) -> Span | None:
    r"""Find a text in another by whole characters as they are read: letters with their marks, emoji with their parts.

    Both may write accents as they like, composed (é) or apart (e and a combining accent).

    Parameters
    ----------
    text, wanted
        Where to look, and for what.
    start
        Offset to look from.

    Returns
    -------
    (int, int) or None
        Where it stands in the text, the first place.

    Examples
    --------
    >>> find_text("un cafe\u0301 noir", "café"), find_text("un cafe\u0301 noir", "cafe")
    ((3, 8), None)
    """
    goal = unicodedata.normalize("NFD", wanted)
    if not goal:
        return None
    edges = [0, *(at for at in range(1, len(text)) if not _goes_on(text[at - 1], text[at])), len(text)]
    apart = [unicodedata.normalize("NFD", text[a:b]) for a, b in pairwise(edges)]
    offsets = dict(zip(accumulate(map(len, apart), initial=0), edges, strict=True))
    whole, place = "".join(apart), -1
    while (place := whole.find(goal, place + 1)) >= 0:
        first, last = offsets.get(place), offsets.get(place + len(goal))
        if first is not None and last is not None and first >= start:
            return first, last
    return None


JOINERS = "\u200d\ufe0e\ufe0f"
"""Zero-width joiner and variation selectors, which make one sign of two characters."""


def _goes_on(before: str, character: str) -> bool:
    """Whether a character belongs to the one before it: a mark, or a part of the same emoji."""
    modifies = unicodedata.category(character)[0] == "M" or character in JOINERS or "🏻" <= character <= "🏿"
    return modifies or (before == "\u200d" and unicodedata.category(character) == "So")


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


def cut_spans(spans: Sequence[Span], edges: Sequence[int]) -> list[Span]:
    """Divide spans at the offsets that lie within them.

    Examples
    --------
    >>> cut_spans([(0, 3), (4, 9)], [3, 8])
    [(0, 3), (4, 8), (8, 9)]
    """
    pieces = []
    for start, end in spans:
        inner = [start, *(edge for edge in edges if start < edge < end), end]
        pieces += list(pairwise(inner))
    return pieces
