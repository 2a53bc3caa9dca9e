"""The effect that a run predicts for an experiment with people."""

from __future__ import annotations

import pandas as pd

from psylm.common.errors import InputError, Problem
from psylm.runs.run import Run


def predicted_effect(run: Run, contrast: str, at: str = "") -> float:
    """Return the difference in surprisal that a run found between conditions, in bits.

    Parameters
    ----------
    run
        An analysed run of one model on one stimulus set.
    contrast, at
        The contrast and where it holds, as they stand in its tables of contrasts.

    Raises
    ------
    InputError
        There is no such contrast, or there are several; the message lists all contrasts.
    """
    tables = [table for name, table in run.tables().items() if name.endswith("contrasts") and "at" in table]
    rows = pd.concat([pd.DataFrame(columns=["contrast", "at", "measure", "estimate"]), *tables]).fillna({"at": ""})
    rows = rows[rows["measure"] == "surprisal"]
    found = rows[(rows["contrast"] == contrast) & (rows["at"] == at)]
    if len(found) != 1:
        there = dict.fromkeys(f"{row.contrast!r} at {row.at!r}" for row in rows.itertuples())
        expected = "one of " + ", ".join(there) + (", of one model" if len(found) else "")
        raise InputError(Problem(f"{run.path}, contrast {contrast!r} at {at!r}", f"{len(found)} rows", expected))
    return float(found["estimate"].iloc[0])
