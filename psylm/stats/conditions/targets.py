"""What was measured of the targets of a stimulus set, beside the set's own columns."""

from __future__ import annotations

import pandas as pd

from psylm.runs.run import Run


def targets(run: Run, model: str, stimuli: str) -> pd.DataFrame:
    """Return a row for each item and condition: the set's columns, and a column for each measure of the target."""
    rows = run.scores(model=model, stimuli=stimuli, region="target")
    wide = rows.pivot_table(
        index=["item", "condition"], columns="measure", values="value", aggfunc="first", dropna=False
    )
    return run.items(stimuli).merge(wide.reset_index(), on=["item", "condition"], how="inner")
