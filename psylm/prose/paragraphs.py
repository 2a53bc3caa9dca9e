"""A paragraph of a results section about each model on each set, from the tables of an analysis."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

Say = Callable[[pd.DataFrame], Iterable[str]]
"""What says rows of a table, sentence by sentence."""


def paragraphs(
    tables: Mapping[str, pd.DataFrame],
    say: Mapping[str, Say],
    *,
    heading: Sequence[str] = ("model", "stimuli"),
    within: Sequence[str] = (),
) -> dict[str, list[str]]:
    """Put tables into words, a paragraph a heading.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        The tables of an analysis; those that are absent or empty are not spoken of.
    say : mapping of str to callable
        For each table, in the order of the paragraph, what says its rows.
    heading : sequence of str
        Columns that make the heading: a model on a set.
    within : sequence of str
        Columns whose levels are spoken of one after another, under one heading.

    Returns
    -------
    dict of list of str
        The sentences of each paragraph, by its heading.

    Examples
    --------
    >>> table = pd.DataFrame({"model": ["a", "a"], "stimuli": ["s", "t"], "n": [3, 4]})
    >>> paragraphs({"counts": table}, {"counts": lambda rows: [f"n = {rows['n'].sum()}."]})
    {'a on s': ['n = 3.'], 'a on t': ['n = 4.']}
    """
    said: dict[str, list[str]] = {}
    for name, sentences in say.items():
        if name not in tables or tables[name].empty:
            continue
        for key, rows in tables[name].groupby([*heading, *within], sort=False):
            said.setdefault(" on ".join(map(str, key[: len(heading)])), []).extend(sentences(rows))
    return said


def records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table as dicts, by the names of its columns."""
    return [{str(name): value for name, value in row.items()} for row in rows.to_dict("records")]
