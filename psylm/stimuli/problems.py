"""One mistake is one problem: rows of a table that have the same thing wrong, put together."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from psylm.common.errors import Case, Problem

SHOWN_ROWS = 3
"""Rows and findings of a problem that its message names."""


def row_problems(file: Path, column: str, found: pd.Series, expected: str | pd.Series) -> list[Problem]:
    """Make one problem of all rows that have the same thing wrong in a column.

    Parameters
    ----------
    file
        The file.
    column
        The column.
    found
        What stands there, by row number.
    expected
        What should stand there; of each row where it differs.

    Returns
    -------
    list of Problem
        One, or none where `found` is empty.

    Examples
    --------
    >>> found = pd.Series(["'Odd'", "'Odd'", "'od'"], index=[2, 4, 9])
    >>> print(*row_problems(Path("items.csv"), "fit", found, "one of fitting, odd"))
    items.csv: 3 rows (2, 4, 9), column fit: found 'Odd' (2 times), 'od'; expected one of fitting, odd
    """
    if found.empty:
        return []
    wanted = [expected] * len(found) if isinstance(expected, str) else expected.tolist()
    cases = tuple(
        Case(int(row), text, want) for row, text, want in zip(found.index, found.tolist(), wanted, strict=True)
    )
    if len(cases) == 1:
        row, text, want = cases[0]
        return [Problem(f"{file}: row {row}, column {column}", text, want, cases)]
    same = all(want == wanted[0] for want in wanted)
    told = wanted[0] if same else f"{wanted[0]} (row {cases[0].row})"
    return [Problem(f"{file}: {rows_in_words(found.index)}, column {column}", values_in_words(found), told, cases)]


def rows_in_words(rows: pd.Index) -> str:
    """Name rows, the first ones at least.

    Examples
    --------
    >>> rows_in_words(pd.RangeIndex(2, 10_002))
    '10,000 rows (2, 3, 4, …)'
    """
    first = ", ".join(str(row) for row in rows[:SHOWN_ROWS])
    return f"{len(rows):,} rows ({first}{', …' if len(rows) > SHOWN_ROWS else ''})"


def values_in_words(values: pd.Series) -> str:
    """Name what stands in rows: the most frequent findings, and how many others there are."""
    counts = values.value_counts()
    shown = [f"{value} ({n:,} times)" if n > 1 else str(value) for value, n in counts.head(SHOWN_ROWS).items()]
    others = len(counts) - len(shown)
    return ", ".join(shown) + (f" and {others:,} other{'s' if others > 1 else ''}" if others else "")


def first_row(problem: Problem) -> int:
    """Return the first row that a problem is about, to sort by."""
    return problem.cases[0].row if problem.cases else 0
