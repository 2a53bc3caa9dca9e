"""Regions of a sentence: the stretches that an experiment compares, by character offsets."""

from __future__ import annotations

import json
from typing import NamedTuple

import pandas as pd

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


def placed_regions(row: pd.Series) -> str | Problem:
    r"""Find a row's regions in its sentence.

    Parameters
    ----------
    row
        Cells. `regions` is the sentence with `|` between regions (`The keys|to the cabinet|are|rusty.`), and
        `region_names` their names, likewise (`subject|modifier|verb|rest`); without it they are numbered from 1.
        A reader may give `regions` as a JSON list of name, start and end.

    Returns
    -------
    str or Problem
        A JSON list of name, start and end; empty text without regions; or what is wrong.

    Examples
    --------
    >>> placed_regions(pd.Series({"sentence": "The keys are rusty.", "regions": "The keys|are|rusty."}))
    '[["1", 0, 8], ["2", 9, 12], ["3", 13, 19]]'
    """
    sentence, cell = row["sentence"], row.get("regions", "")
    if cell == "" or cell.startswith("["):
        return str(cell)
    pieces = [piece.strip() for piece in cell.split("|")]
    names = row.get("region_names", "")
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
