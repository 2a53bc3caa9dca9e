"""Where attention is looked at in a trial: what the model reads, which places ask, and which word each place is."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from psylm.attention.scenes import Scene
    from psylm.common.language import Span
    from psylm.models.attention_input import At, Reading
    from psylm.models.base import LanguageModel

NO_TOKEN = "shares its only token with the word before it"


@dataclass(frozen=True)
class Look:
    """A reading, and what its places are.

    Parameters
    ----------
    scene
        The text.
    reading
        What the model reads.
    words
        For each place that is attended to, the number of its word, or `SPECIAL` [keys].
    groups
        Rows of the reading whose attention is averaged: the query's first; then, for a map, those of each word.
    seen
        Which words the query can attend to [words].
    """

    scene: Scene
    reading: Reading
    words: np.ndarray
    groups: list[list[int]]
    seen: np.ndarray


def look(model: LanguageModel, scene: Scene, at: At, *, maps: bool = False) -> Look | str:
    """Lay out what a model reads so that the query's attention can be looked at.

    Parameters
    ----------
    model
        The model.
    scene
        The text with its words.
    at
        `prediction`: the place that predicts the query word. `word`: the word itself.
    maps
        Want the attention of every word too, over the whole text; not to be had where the query asks from a stream of
        its own or from a decoder.

    Returns
    -------
    Look
        Or the reason why there is none.
    """
    edges = [scene.spans[scene.query]]
    edges += [scene.spans[number] for number in (scene.target | scene.distractor).nonzero()[0]]
    end = scene.spans[scene.query][1] if model.left_to_right and not maps else len(scene.text)
    cuts = tuple(sorted({edge for span in edges for edge in span if edge <= end}))
    encoding = model.tokenizer.encode(scene.text[:end], cuts)
    words = word_of_tokens(encoding.starts, scene.spans)
    own = (words == scene.query).nonzero()[0]
    if not len(own):
        return NO_TOKEN
    laid = model.lay(encoding.ids, words, (int(own[0]), int(own[-1]) + 1), at)
    if isinstance(laid, str):
        return laid
    reading, places, reach = laid
    model.check_length(reading.source or reading.ids, f"text {scene.text[:40]!r}…")
    seen = np.isin(np.arange(len(scene.spans)), places[:reach])
    if not maps or reading.stream in ("query", "cross"):
        if reach < len(places):  # what stands after the last row cannot be seen
            last = reading.rows[-1] + 1
            reading, places = replace(reading, ids=reading.ids[:last]), places[:last]
        return Look(scene, reading, places, [list(range(len(reading.rows)))], seen)
    of_words = [(places == number).nonzero()[0].tolist() for number in range(len(scene.spans))]
    reading, groups = replace(reading, rows=tuple(range(len(places)))), [list(reading.rows), *of_words]
    return Look(scene, reading, places, groups, seen)


def query_only(look: Look) -> Look:
    """Return a look without its map: the query's rows only."""
    rows = [look.reading.rows[row] for row in look.groups[0]]
    return replace(look, reading=replace(look.reading, rows=tuple(rows)), groups=[list(range(len(rows)))])


def word_of_tokens(starts: Sequence[int], spans: Sequence[Span]) -> np.ndarray:
    """Return the number of the word in which each token begins [tokens].

    Examples
    --------
    >>> word_of_tokens([0, 4, 6, 9], [(0, 3), (4, 9), (9, 10)]).tolist()
    [0, 1, 1, 2]
    """
    begins = [start for start, _ in spans]
    return np.array([max(bisect_right(begins, start) - 1, 0) for start in starts], dtype=int)
