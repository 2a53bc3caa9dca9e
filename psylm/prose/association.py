"""Sentences of a results section about association tests."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from psylm.prose.apa import interval, number, p_value
from psylm.stats.similarity.spaces import STATIC


def association(rows: pd.DataFrame) -> Iterator[str]:
    """Say how strong an association is in the last layer, and in the embedding matrix where it was asked.

    Parameters
    ----------
    rows : DataFrame
        Rows of one model and test, a row a layer.
    """
    last = rows.iloc[int(rows["layer"].argmax())]
    yield f"{str(last['test']).capitalize()}, last layer: {_found(last)} ({int(last['n'])} targets)."
    if (rows["layer"] == STATIC).any():
        yield f"In the embedding matrix, {_found(rows.iloc[int(rows['layer'].argmin())])}."


def _found(row: pd.Series) -> str:
    return f"d = {number(row['estimate'])}, {interval(row['low'], row['high'])}, one-sided {p_value(row['p'])}"
