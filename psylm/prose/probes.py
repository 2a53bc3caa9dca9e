"""Sentences of a results section about linear probes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from psylm.prose.apa import ALPHA, count, interval, number, p_value, percent, share


def accuracy(rows: pd.DataFrame) -> Iterator[str]:
    """Say off which layer a task is read best, and what a control task takes from that.

    Parameters
    ----------
    rows : DataFrame
        Rows of `psylm.stats.probes.probe_rows` of one model and task, with `task`.
    """
    task = str(rows["task"].iloc[0])
    best = rows.iloc[int(rows["accuracy"].argmax())].to_dict()
    first = rows.sort_values("layer").iloc[0].to_dict()
    above = rows[rows["p"] < ALPHA]
    yield (
        f"{task[0].upper()}{task[1:]} ({count(best['labels'], 'label')}, {count(best['n'], 'word')}) was read best off "
        f"layer {best['layer']}: {share(best['accuracy'], best['accuracy_low'], best['accuracy_high'])}; off layer "
        f"{first['layer']}: {share(first['accuracy'], first['accuracy_low'], first['accuracy_high'])}; the most "
        f"frequent label has {percent(best['majority'])}. Accuracy was above that of shuffled labels in "
        f"{count(len(above), 'layer')} of {len(rows)} (at best {p_value(rows['p'].min())}, corrected for layers)."
    )
    if not np.isnan(best["selectivity"]):
        yield (
            f"Against the control task, the selectivity of that probe was {number(best['selectivity'], bounded=True)}, "
            f"{interval(best['selectivity_low'], best['selectivity_high'], bounded=True)} (words of a known form, "
            f"{best['known']:.0%})."
        )
    else:
        yield "No word form of a held-out item occurred in training, so that the control task is at chance by design."
