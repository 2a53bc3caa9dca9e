"""Analyses that need the rows of one model say so, where they would average over several."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

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
    psylm.common.errors.InputError: column 'model': found 2 different ones (a, b); expected the rows of one: data[data['model'] == 'a']
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
