"""How many of their words two texts share."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np

from psylm.common.language import split_punctuation, word_spans


def distinct_words(text: str, language: str = "en") -> set[str]:
    """Return the words of a text in lower case, without punctuation.

    Examples
    --------
    >>> sorted(distinct_words("The cat, the hat."))
    ['cat', 'hat', 'the']
    """
    pieces = (text[slice(*span)].lower() for span in split_punctuation(text, word_spans(text, language)))
    return {piece for piece in pieces if any(unicodedata.category(character)[0] in "LN" for character in piece)}


def overlap(texts: Sequence[str], language: str = "en") -> np.ndarray:
    """Return the share of their words that each two texts have in common (Jaccard), [texts, texts].

    Parameters
    ----------
    texts
        The texts.
    language
        BCP 47 tag.

    Examples
    --------
    >>> overlap(["A cat slept.", "A cat ran.", "Rates rose."]).tolist()
    [[1.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    sets = [distinct_words(text, language) for text in texts]
    number = {word: place for place, word in enumerate(sorted(set().union(*sets)))}
    marks = np.zeros((len(sets), len(number)))
    for row, words in zip(marks, sets, strict=True):
        row[[number[word] for word in words]] = 1
    shared = marks @ marks.T
    sizes = marks.sum(1)
    either = sizes[:, None] + sizes - shared
    return np.asarray(np.divide(shared, either, out=np.eye(len(sets)), where=either > 0))
