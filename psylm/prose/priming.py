"""Sentences of a results section about priming."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from psylm.prose.apa import interval, number, p_value, share, statistic
from psylm.prose.human import correlations
from psylm.stats.similarity.priming import SURPRISAL


def effects(rows: pd.DataFrame) -> Iterator[str]:
    """Say whether related primes helped, by measure, in the last layer."""
    for measure, some in rows.groupby("measure", sort=False):
        row = some.iloc[int(some["layer"].argmax())]
        unit, digits = (" bits", 2) if measure == SURPRISAL else ("", 3)
        what = "Surprisal of the target was" if measure == SURPRISAL else "The cosine of prime and target was"
        more = "lower" if (measure == SURPRISAL) == (row["estimate"] > 0) else "higher"
        yield (
            f"{what} {more} after related than after unrelated primes by {number(abs(row['estimate']), digits)}{unit} "
            f"(priming effect {number(row['estimate'], digits)}{unit}, {interval(row['low'], row['high'], digits)}, "
            f"{statistic('t', row['statistic'], row['df'])}, {p_value(row['p'])}, d_z = {number(row['effect_size'])}), "
            f"in {share(row['items_helped'], row['items_low'], row['items_high'])} of {int(row['n'])} targets."
        )


def items(rows: pd.DataFrame) -> Iterator[str]:
    """Say whether priming in the cosine of the last layer goes with priming in surprisal, item by item."""
    last = rows[rows["layer"] == rows["layer"].max()]
    yield from correlations(last.assign(measure="priming in the cosine"))
