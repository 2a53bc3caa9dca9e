"""How a table of the analysis is shown, in the report and in LaTeX: its columns, and how values are written."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from psylm.prose.apa import number

HIDDEN = ("covariates", "effect_low", "effect_high", "design")
"""Columns that only the CSV files show."""

CONSTANT = ("model", "stimuli", "measure", "coefficient", "predictor", "words")
"""Columns that are named once, beside the table, where they hold one value only."""

ESTIMATES = ("estimate", "mean", "low", "high", "sd")
"""Columns in one unit, written to the same digits."""

GROUPS = ("measure", "response", "coefficient")
"""Columns that say what is estimated, and so in what unit: digits are chosen by the first that is there."""

NAMES = {"p_holm": "p (Holm)", "p_bh": "p (BH)", "sd": "SD", "aic": "AIC", "bic": "BIC"}

ITALIC = ("n", "p", "p (Holm)", "p (BH)", "df", "SD", "t", "z", "F", "r", "d", "b")
"""Headings that APA style sets in italics (as far as the first space)."""


@dataclass(frozen=True)
class Column:
    """A column as it is shown.

    Parameters
    ----------
    name
        Its heading.
    numeric
        Whether it is aligned right, and sorted as numbers.
    texts
        What each row shows.
    keys
        What each row is sorted by.
    """

    name: str
    numeric: bool
    texts: list[str]
    keys: list[Any]


@dataclass(frozen=True)
class Shown:
    """A table as it is shown.

    Parameters
    ----------
    columns
        Its columns.
    rows
        Number of rows.
    constants
        What all rows have in common, by heading.
    """

    columns: list[Column]
    rows: int
    constants: dict[str, str] = field(default_factory=dict)


def shown(table: pd.DataFrame) -> Shown:
    """Choose a table's columns and write its values.

    An interval becomes one column; what all rows have in common stands beside the table; empty columns go.

    Parameters
    ----------
    table
        A table of an analysis module, one row a test.

    Examples
    --------
    >>> table = pd.DataFrame({"model": "m", "contrast": ["a − b", "a − c"], "estimate": [-3.8825, 0.5], "n": [48, 48],
    ...                       "low": [-4.74, 0.1], "high": [-3.02, 0.9], "p_holm": [7e-11, 0.0312]})
    >>> found = shown(table)
    >>> found.constants, [column.name for column in found.columns]
    ({'model': 'm'}, ['contrast', 'estimate', 'n', '95% CI', 'p (Holm)'])
    >>> [column.texts[0] for column in found.columns]
    ['a − b', '−3.88', '48', '[−4.74, −3.02]', '< .001']
    """
    table = table.drop(columns=[name for name in HIDDEN if name in table]).dropna(axis="columns", how="all")
    alike = [name for name in CONSTANT if name in table and len(table) > 1 and table[name].nunique(dropna=False) == 1]
    constants = {heading(name): str(table[name].iloc[0]) for name in alike}
    digits = _digits(table)
    rest = table.drop(columns=alike)
    return Shown(list(_columns(rest, digits)), len(table), constants)


def heading(column: object) -> str:
    """Write a column's name as a heading.

    Examples
    --------
    >>> heading("p_holm"), heading("effect_size")
    ('p (Holm)', 'effect size')
    """
    return NAMES.get(str(column), str(column).replace("_", " "))


def _columns(table: pd.DataFrame, digits: dict[str, list[int]]) -> Iterator[Column]:
    for name in map(str, table):
        stem, _, end = name.rpartition("low")
        if end == "" and name.endswith("low") and f"{stem}high" in table:
            texts = [
                "" if pd.isna(low) and pd.isna(high) else f"[{number(low, places)}, {number(high, places)}]"
                for low, high, places in zip(table[name], table[f"{stem}high"], digits[name], strict=True)
            ]
            of = heading(stem.rstrip("_"))
            yield Column(f"95% CI ({of})" if of else "95% CI", True, texts, list(table[name]))
        elif not (name.endswith("high") and name.removesuffix("high") + "low" in table):
            numeric = name in digits
            places = digits.get(name, [0] * len(table))
            texts = [cell(name, value, place) for value, place in zip(table[name], places, strict=True)]
            yield Column(heading(name), numeric, texts, list(table[name]))


def _digits(table: pd.DataFrame) -> dict[str, list[int]]:
    """Choose how many digits each value of each numeric column is written with: about three that count."""
    numeric = [str(name) for name in table if pd.api.types.is_numeric_dtype(table[name])]
    group = next((name for name in GROUPS if name in table and name not in numeric), None)
    labels = table[group].astype(str) if group else pd.Series("", table.index)
    found: dict[str, list[int]] = {}
    for name in numeric:
        pair = [
            name.removesuffix(end) + other for end, other in (("low", "high"), ("high", "low")) if name.endswith(end)
        ]
        family = [one for one in ESTIMATES if one in numeric] if name in ESTIMATES else [name, *pair]
        values = table[[one for one in family if one in numeric]].astype(float)
        by_label = {label: places(rows.to_numpy().ravel()) for label, rows in values.groupby(labels, sort=False)}
        found[name] = [by_label[label] for label in labels]
    return found


def places(values: Iterable[float]) -> int:
    """Say with how many digits after the point to write values of one kind: 0 for counts, else for three that count.

    Examples
    --------
    >>> places([48.0, 47.0]), places([13.46, 0.5]), places([0.044, 0.0015]), places([426.09, 74.9])
    (0, 2, 4, 1)
    """
    known = np.asarray([value for value in values if math.isfinite(value)])
    if not len(known) or np.allclose(known, np.round(known), rtol=0, atol=1e-6):
        return 0
    largest = np.abs(known).max()
    return 1 if largest >= 100 else 2 if largest >= 1 else min(2 - math.floor(math.log10(largest)), 8)


def cell(column: str, value: Any, digits: int) -> str:
    """Write a value: p-values as journals do, other numbers to the digits given, nothing for what is missing.

    Examples
    --------
    >>> cell("p", 0.00002, 3), cell("estimate", -12.3456, 2), cell("n", 48, 0), cell("low", float("nan"), 2)
    ('< .001', '−12.35', '48', '')
    """
    if value is None or pd.isna(value):
        return ""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.number)):
        return str(value)
    if column == "p" or column.startswith("p_"):
        return "< .001" if value < 0.001 else number(float(value), 3, bounded=True)
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return number(float(value), digits)
