"""Sentences of a results section about learning."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from psylm.prose.apa import count, percent, share


def accuracy(rows: pd.DataFrame) -> Iterator[str]:
    """Say where one architecture's accuracy in one condition ended, and when it first came within five points of that.

    Parameters
    ----------
    rows : DataFrame
        Rows of `psylm.stats.learning.mean_of_learners` of the measure `accuracy`.
    """
    rows = rows.sort_values("tokens")
    last = rows.iloc[-1]
    near = rows[rows["estimate"] >= last["estimate"] - 0.05].iloc[0]
    learners = count(int(last["learners"]), "learner")
    found = share(last["estimate"], last["low"], last["high"]) if last["learners"] > 1 else percent(last["estimate"])
    yield (
        f"For {last['condition']}, accuracy after {last['tokens']:,} training tokens was {found} ({learners}, "
        f"{count(int(last['n']), 'pair')} each); it was first within five percentage points of that after "
        f"{near['tokens']:,} tokens."
    )
