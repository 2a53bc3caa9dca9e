"""Regions of a sentence: the stretches that an experiment compares, by character offsets."""

from __future__ import annotations

import json
from typing import NamedTuple

from psylm.common.errors import Problem


class Region(NamedTuple):
    """A stretch of a sentence: `sentence[start:end]`."""

    name: str
    start: int
    end: int


def parse_regions(regions: str) -> list[Region]:
    """Read the regions that a trial carries.

    Examples
    --------
    >>> parse_regions('[["subject", 0, 8], ["verb", 9, 14]]')
    [Region(name='subject', start=0, end=8), Region(name='verb', start=9, end=14)]
    >>> parse_regions("")
    []
    """
    return [Region(str(name), int(start), int(end)) for name, start, end in json.loads(regions)] if regions else []


def placed_regions(sentence: str, regions: str, names: str = "") -> str | Problem:
    r"""Find the regions of a sentence.

    Parameters
    ----------
    sentence
        The sentence.
    regions
        The sentence with `|` between regions (`The keys|to the cabinet|are|rusty.`). A reader may give a JSON list of
        name, start and end.
    names
        The regions' names, likewise (`subject|modifier|verb|rest`); without them they are numbered from 1.

    Returns
    -------
    str or Problem
        A JSON list of name, start and end; empty text without regions; or what is wrong, with the column as its place.

    Examples
    --------
    >>> placed_regions("The keys are rusty.", "The keys|are|rusty.")
    '[["1", 0, 8], ["2", 9, 12], ["3", 13, 19]]'
    """
    if regions == "" or _is_placed(regions, len(sentence)):
        return regions
    pieces = [piece.strip() for piece in regions.split("|")]
    named = [name.strip() for name in names.split("|")] if names else [str(n) for n in range(1, len(pieces) + 1)]
    if len(named) != len(pieces):
        return Problem("region_names", f"{len(named)} names", f"{len(pieces)}, one a region")
    found, end = [], 0
    for name, piece in zip(named, pieces, strict=True):
        start = sentence.find(piece, end)
        if start < 0 or sentence[end:start].strip():
            return Problem(
                "regions", repr(piece), f"regions that make up the sentence, here {sentence[end:].strip()!r}"
            )
        end = start + len(piece)
        found.append([name, start, end])
    if sentence[end:].strip():
        return Problem("regions", f"nothing for {sentence[end:].strip()!r}", "regions that make up the sentence")
    return json.dumps(found, ensure_ascii=False)


def _is_placed(regions: str, length: int) -> bool:
    """Whether a cell is a JSON list of regions within a sentence; a sentence may begin with a bracket, too."""
    if not regions.startswith("[["):
        return regions == "[]"
    try:
        return all(0 <= start <= end <= length for _, start, end in parse_regions(regions))
    except (ValueError, TypeError):
        return False
