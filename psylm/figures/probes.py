"""What probes read off a model's layers."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from psylm.figures.style import SINGLE, band, panel, series


def probes(table: pd.DataFrame, *, axes: Axes | None = None) -> Axes:
    """Draw accuracy and control accuracy of a probe over layers, and what shuffled labels attain.

    Parameters
    ----------
    table
        A row a layer: `layer`, `accuracy` and `control` with their bounds (`_low`, `_high`), and `shuffled`, the
        accuracy of shuffled labels. A control without values is left out.
    axes
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        The axes; the caller makes the legend.

    Examples
    --------
    >>> bounds = {f"{name}_{end}": 0.5 for name in ("accuracy", "control") for end in ("low", "high")}
    >>> table = pd.DataFrame({"layer": [0, 6], "accuracy": [0.7, 0.9], "control": 0.6, "shuffled": 0.2} | bounds)
    >>> [line.get_label() for line in probes(table).lines]
    ['probe', 'control task', 'shuffled labels']
    """
    rows = table.sort_values("layer")
    with panel(0.7 * SINGLE, axes=axes) as axes:
        for number, (column, label) in enumerate({"accuracy": "probe", "control": "control task"}.items()):
            if rows[column].notna().any():
                axes.plot(rows["layer"], rows[column], markersize=3, label=label, zorder=3, **series(number))
                band(rows["layer"], rows[f"{column}_low"], rows[f"{column}_high"], number, axes=axes)
        axes.plot(
            rows["layer"], rows["shuffled"], color="0.4", linewidth=0.8, linestyle=(0, (2, 2)), label="shuffled labels"
        )
        axes.set_ylim(0, 1.02)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("Layer")
        axes.set_ylabel("Accuracy (share of words)")
    return axes
