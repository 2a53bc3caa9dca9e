"""Rows become tables: what every analysis does with what it finds for each model and stimulus set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from psylm.stats.inference.multiple import adjusted

Tables = dict[str, pd.DataFrame]
"""The tables of an analysis, by name."""

Rows = Iterable[Mapping[str, Any]] | pd.DataFrame
"""Rows of a table, as they are computed."""

Part = tuple[str, Mapping[str, Any], Rows]
"""A part of a table: the table's name, what the rows are about, and the rows."""


def collect(parts: Iterable[Part], *, families: Mapping[str, Sequence[str]] | None = None) -> Tables:
    """Join rows into tables, and adjust their p-values for the number of tests.

    Parameters
    ----------
    parts : iterable of Part
        The name of a table; what the rows are about, `{"model": …, "stimuli": …}` for example, whose columns come
        first; and the rows.
    families : mapping of str to sequence of str, optional
        Of the tables whose tests are adjusted, the columns that tell families of tests apart: `p` of a family becomes
        `p_holm` by Holm's method.

    Returns
    -------
    dict of DataFrame
        A table for each name that has rows, in the order in which the names came.

    Examples
    --------
    >>> parts = [("tests", {"model": "a"}, [{"p": 0.01}, {"p": 0.04}]), ("tests", {"model": "b"}, [{"p": 0.04}]),
    ...          ("means", {"model": "a"}, [])]
    >>> tables = collect(parts, families={"tests": ["model"]})
    >>> list(tables), tables["tests"]["p_holm"].tolist()
    (['tests'], [0.02, 0.04, 0.04])
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for name, about, rows in parts:
        records: Iterable[Mapping[Any, Any]] = rows.to_dict("records") if isinstance(rows, pd.DataFrame) else rows
        found.setdefault(name, []).extend({**about, **row} for row in records)
    tables = {name: pd.DataFrame(rows) for name, rows in found.items() if rows}
    for name, family in (families or {}).items():
        if name in tables:
            tables[name]["p_holm"] = tables[name].groupby(list(family), sort=False)["p"].transform(adjusted)
    return tables


def select(tables: Mapping[str, pd.DataFrame], **values: str) -> Tables:
    """Return the rows of every table that are about one model, set or response; tables without such rows are left out.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Tables that all have the columns.
    **values : str
        For each column, its value.

    Examples
    --------
    >>> tables = {"means": pd.DataFrame({"model": ["a", "b"], "mean": [1, 2]}), "tests": pd.DataFrame({"model": ["b"]})}
    >>> select(tables, model="a")["means"]["mean"].tolist(), list(select(tables, model="a"))
    ([1], ['means'])
    """
    found: Tables = {}
    for name, table in tables.items():
        rows = table
        for column, value in values.items():
            rows = rows[rows[column] == value]
        if len(rows):
            found[name] = rows
    return found


def groups(table: pd.DataFrame, by: Sequence[str]) -> Iterator[tuple[tuple[Any, ...], pd.DataFrame]]:
    """Iterate over the groups of rows that agree in some columns, in the order in which they come.

    Parameters
    ----------
    table : DataFrame
        The rows.
    by : sequence of str
        The columns.

    Yields
    ------
    tuple, DataFrame
        A value of each column, and the rows that have them.

    Examples
    --------
    >>> table = pd.DataFrame({"model": ["b", "a", "b"], "n": [1, 2, 3]})
    >>> [(model, rows["n"].tolist()) for (model,), rows in groups(table, ["model"])]
    [('b', [1, 3]), ('a', [2])]
    """
    for key, rows in table.groupby(list(by), sort=False):
        yield tuple(key), rows
