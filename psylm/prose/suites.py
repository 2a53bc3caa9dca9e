"""Sentences of a results section about syntactic test suites."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from psylm.prose.apa import count, interval, percent, share, spread
from psylm.stats.inference.intervals import mean_interval


def predictions(rows: pd.DataFrame) -> Iterator[str]:
    """Say in what share of items the predictions of one model's suites came true, and where most and least often.

    Parameters
    ----------
    rows : DataFrame
        Rows of one model: `stimuli`, `prediction`, and what `psylm.stats.conditions.suites.prediction_row` gives.
    """
    rows = rows[rows["estimate"].notna()]
    if rows.empty:
        return
    mean, low, high = mean_interval(rows["estimate"])
    wide = f", {interval(low * 100, high * 100, 1)}" if len(rows) > 1 else ""
    yield (
        f"The model’s surprisals met {count(len(rows), 'prediction')} of "
        f"{count(rows['stimuli'].nunique(), 'test suite')} in {percent(mean)} of items on average{wide} (over "
        f"predictions; {spread(rows['n'])} items a suite)."
    )
    if len(rows) > 1:
        best, worst = rows.iloc[int(rows["estimate"].argmax())], rows.iloc[int(rows["estimate"].argmin())]
        yield (
            f"Accuracy was highest for {_of(best)} ({share(best['estimate'], best['low'], best['high'])}) and "
            f"lowest for {_of(worst)} ({share(worst['estimate'], worst['low'], worst['high'])})."
        )


def _of(row: pd.Series) -> str:
    return f"prediction {row['prediction']} of {row['stimuli'].rpartition('/')[2].replace('_', ' ')}"
