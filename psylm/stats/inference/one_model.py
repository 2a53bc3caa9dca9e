"""What analyses ask of a table: the rows of one model, the columns they name, and numbers that are finite."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from psylm.common.errors import InputError, Problem

IDENTITY = ("model", "measure", "stimuli", "experiment")
"""Columns of a results table whose values are different experiments, not observations of one."""


def check_one(data: pd.DataFrame, used: Iterable[str]) -> None:
    """Refuse rows of several models (measures, stimulus sets, experiments), which would be averaged as if of one.

    Parameters
    ----------
    data
        Rows of a results table, or any table.
    used
        Columns that the analysis tells apart.

    Raises
    ------
    InputError
        A column names several, and the analysis does not use it.

    Examples
    --------
    >>> data = pd.DataFrame({"model": ["a", "b"], "item": [1, 1], "value": [2.0, 3.0]})
    >>> check_one(data, ["item", "value"])
    Traceback (most recent call last):
    psylm.common.errors.InputError: column 'model': found 2 different ones (a, b); expected the rows of one: ...
    """
    apart = set(used)
    problems = []
    for name in IDENTITY:
        if name in data and name not in apart:
            values = list(map(str, data[name].dropna().unique()))
            if len(values) > 1:
                shown = ", ".join(values[:3]) + (", …" if len(values) > 3 else "")
                expected = f"the rows of one: data[data[{name!r}] == {values[0]!r}]"
                problems.append(Problem(f"column {name!r}", f"{len(values)} different ones ({shown})", expected))
    if problems:
        raise InputError(*problems)


def check_columns(data: pd.DataFrame, names: Iterable[str]) -> None:
    """Refuse names of columns that are absent.

    Raises
    ------
    InputError
        One problem a name.
    """
    absent = [name for name in dict.fromkeys(names) if name not in data]
    if absent:
        there = ", ".join(map(str, data.columns))
        raise InputError(*(Problem(f"column {name!r}", "no such column", there) for name in absent))


def check_finite(name: str, values: ArrayLike) -> None:
    """Refuse infinities, of which no mean, distance or regression is to be had; NaN are missing values.

    Raises
    ------
    InputError
        There are some.
    """
    infinite = int(np.isinf(np.asarray(values, dtype=float)).sum())
    if infinite:
        raise InputError(Problem(name, f"infinity in {infinite} places", "numbers"))


def check_pairs(first: np.ndarray, second: np.ndarray) -> None:
    """Refuse two measures of the same units that are not of one length; a single number stands for all.

    Raises
    ------
    InputError
        They are not.
    """
    if first.ndim and second.ndim and len(first) != len(second):
        raise InputError(Problem("pairs", f"{len(first)} and {len(second)} values", "as many of each"))
