"""Sentences of a results section about human norms: their reliability, and a model's calibration against them."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from psylm.prose.apa import count, interval, number, p_value, statistic
from psylm.prose.results import ALPHA


def ceilings(rows: pd.DataFrame) -> Iterator[str]:
    """Say how reliable human measures are, and how high a correlation with them can be.

    Parameters
    ----------
    rows
        Rows of `psylm.stats.human.norms.noise_ceilings`.

    Examples
    --------
    >>> table = pd.DataFrame([{"measure": "cloze", "estimate": 0.81, "low": 0.7, "high": 0.9, "ceiling": 0.9,
    ...                        "subjects": 24, "splits": 1000, "n": 40}])
    >>> next(ceilings(table)).partition("; ")[2]
    'a model could reach a correlation of .90.'
    """
    for row in rows.dropna(subset="estimate").to_dict("records"):
        found = f"{number(row['estimate'], bounded=True)}, {interval(row['low'], row['high'], bounded=True)}"
        yield (
            f"Split-half reliability of {row['measure'].replace('_', ' ')} ({count(int(row['subjects']), 'subject')}, "
            f"{count(int(row['splits']), 'split')}, Spearman-Brown) was {found}; a model could reach a correlation of "
            f"{number(row['ceiling'], bounded=True)}."
        )


def calibrations(rows: pd.DataFrame) -> Iterator[str]:
    """Say how well the model's cloze is calibrated against people's.

    Parameters
    ----------
    rows
        The table of `psylm.stats.inference.calibration.calibration`, for one model.
    """
    found = {row["quantity"]: row for row in rows.to_dict("records")}
    slope, intercept, error = (found[name] for name in ("slope", "intercept", "expected calibration error"))
    if pd.isna(slope["p"]):
        return
    extreme = "too extreme" if slope["estimate"] < 1 else "not extreme enough"
    high = "too high" if intercept["estimate"] < 0 else "too low"
    for row, null, said in ((slope, 1, extreme), (intercept, 0, high)):
        verdict = (
            f"the model's probabilities were {said}" if row["p"] < ALPHA else f"not significantly other than {null}"
        )
        yield (
            f"The calibration {row['quantity']} was {number(row['estimate'])}, {interval(row['low'], row['high'])} "
            f"({null} if calibrated: {statistic('t', row['statistic'], row['df'])}, {p_value(row['p'])}): {verdict}."
        )
    yield (
        f"The expected calibration error was {number(error['estimate'], 3, bounded=True)}, "
        f"{interval(error['low'], error['high'], 3, bounded=True)}."
    )
