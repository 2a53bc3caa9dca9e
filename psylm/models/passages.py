"""What is turned into vectors: texts and words in them, from which layer, and how tokens become one vector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from psylm.common.language import Span

Layer = int | Literal["static"]
"""A layer: 0 are the embeddings that the first layer reads, `static` the rows of the embedding matrix itself."""

Pooling = Literal["model", "mean", "cls", "max", "weighted", "last", "sif"]


@dataclass(frozen=True)
class Passage:
    """A text, or a word in it, that is turned into a vector.

    Parameters
    ----------
    text
        What the model reads.
    span
        Characters of the word; None for the whole text.
    language
        BCP 47 tag.
    """

    text: str
    span: Span | None = None
    language: str = "en"
