"""The readers: each turns a set's files into its items and human data, as text cells."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from psylm.common.errors import InputError, Problem
from psylm.common.registry import Registry

Tables = tuple[pd.DataFrame, pd.DataFrame | None]
"""Items and human data, as the columns of `items.csv` and `human.csv`; their index is the row in the source."""

Reader = Callable[[list[Path]], Tables]
"""Takes a set's files, in the order of its card. What it cannot read it reports as an `InputError`, with its place."""

READERS: Registry[Reader] = Registry("reader", package="psylm.stimuli.readers", folder="readers")
"""Readers by the name that a card gives: files of this package, and of the study's own `readers/`."""


def reader(name: str) -> Callable[[Reader], Reader]:
    """Register a function as the reader of a name.

    Examples
    --------
    >>> sorted(READERS)[:3]
    ['blimp', 'cprag102', 'devarda2024']
    """
    return lambda function: READERS.add(name, function)


def text_table(path: Path, separator: str) -> pd.DataFrame:
    """Read a table with a header, every cell as text; the index is the row as a spreadsheet numbers it."""
    table = pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8")
    return table.set_index(pd.RangeIndex(2, len(table) + 2, name="row"))


def bits(nats: pd.Series) -> pd.Series:
    """Turn natural logarithms into bits, as text cells.

    Examples
    --------
    >>> bits(pd.Series(["0", "0.6931471805599453"])).tolist()
    ['0.0', '1.0']
    """
    return (nats.astype(float) / math.log(2)).map(repr)


def value_at(mapping: Any, key: str, place: str, kind: str) -> Any:
    """Return what a mapping has at a key, or raise with its place and the kind of file."""
    if not isinstance(mapping, dict):
        raise InputError(Problem(place, f"a {type(mapping).__name__} without a key {key!r}", kind))
    if key not in mapping:
        raise InputError(Problem(place, f"no key {key!r} beside {', '.join(mapping)}", kind))
    return mapping[key]
