"""Whether probabilities mean what they say: what people answered, against what the model expected."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from psylm.figures.style import SINGLE, panel, series

LARGEST = 40.0
"""Area of the fullest bin's marker, in square points."""


def calibration_curve(table: pd.DataFrame, *, group: str | None = None, axes: Axes | None = None) -> Axes:
    """Draw the calibration curve: in each bin, the mean share of people against the mean probability, a line a group.

    Parameters
    ----------
    table
        A row a bin, as `psylm.stats.inference.calibration.calibration` gives them: the means `predicted` and
        `observed`, both in [0, 1], `low` and `high` of the people's, and `n`.
    group
        The column that tells lines apart: the name of the model, for example.
    axes
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        The axes, square. Dashed: the diagonal of perfect calibration; a marker's area grows with the bin's n.

    Examples
    --------
    >>> table = pd.DataFrame({"predicted": [0.1, 0.6], "observed": [0.2, 0.5], "low": [0.1, 0.4], "high": [0.3, 0.6],
    ...                       "n": [400, 100]})
    >>> calibration_curve(table).collections[-1].get_sizes().tolist()
    [40.0, 10.0]
    """
    most = table["n"].max()
    groups = [("", table)] if group is None else [(str(name), rows) for name, rows in table.groupby(group, sort=False)]
    with panel(SINGLE, axes=axes) as axes:
        axes.plot([0, 1], [0, 1], color="0.5", linewidth=0.6, linestyle="--", zorder=1)
        for number, (name, rows) in enumerate(groups):
            look = series(number)
            axes.errorbar(
                rows["predicted"], rows["observed"],
                yerr=[rows["observed"] - rows["low"], rows["high"] - rows["observed"]],
                color=look["color"], linestyle=look["linestyle"], linewidth=0.8, elinewidth=1.0, zorder=2,
            )  # fmt: skip
            axes.scatter(
                rows["predicted"], rows["observed"], s=LARGEST * rows["n"] / most, marker=look["marker"],
                color=look["color"], edgecolor="white", linewidth=0.4, label=name if group else None, zorder=3,
            )  # fmt: skip
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        axes.set_aspect("equal")
        axes.set_xlabel("Model cloze (mean of the bin)")
        axes.set_ylabel("Human cloze (mean of the bin)")
    return axes


def calibration_caption(table: pd.DataFrame, what: str) -> str:
    """State what `calibration_curve` drew, with n.

    Parameters
    ----------
    table
        The table drawn.
    what
        Of what, by whom.
    """
    low, high = int(table["n"].min()), int(table["n"].max())
    return (
        f"Calibration: {what}. Markers: bins of items, their area by the number in them (n = {low:,} to {high:,}); "
        "bars: 95% intervals of people's mean (Student's t). Dashed: perfect calibration."
    )
