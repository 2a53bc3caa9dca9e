"""What a model reads so that its attention can be looked at, and which places of it ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

At = Literal["prediction", "word"]
"""Which place asks: the one that predicts the query word, or the word itself."""

Stream = Literal["self", "query", "encoder", "cross"]
"""Which attention is looked at: the text's to itself, XLNet's query stream, an encoder's to itself, or a decoder's to
what the encoder read."""

SPECIAL = -1
"""Stands for the word of a token that is none's: beginning and end of sequence, and the like."""

NO_BEGINNING = "first word: no beginning-of-sequence token or other start stands before it"


@dataclass(frozen=True)
class Reading:
    """What a model reads, and the places whose attention is wanted.

    Parameters
    ----------
    ids
        The input, special tokens included; what the decoder has written, for the stream `cross`.
    rows
        Places of `ids` whose attention is wanted. For XLNet's query stream, the one place that is predicted.
    stream
        Which attention is looked at.
    source
        What the encoder reads, for the stream `cross`.
    """

    ids: tuple[int, ...]
    rows: tuple[int, ...]
    stream: Stream = "self"
    source: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.ids) + len(self.source)

    @property
    def keys(self) -> int:
        """Number of places that are attended to."""
        return len(self.source or self.ids)


Laid = tuple[Reading, np.ndarray, int]
"""A reading, the word of each place that is attended to, and how many of these places the query can see."""


def among(words: np.ndarray, before: int, after: int) -> np.ndarray:
    """Put special tokens around words.

    Examples
    --------
    >>> among(np.array([0, 0, 1]), 1, 1).tolist()
    [-1, 0, 0, 1, -1]
    """
    return np.array([SPECIAL] * before + words.tolist() + [SPECIAL] * after, dtype=int)
