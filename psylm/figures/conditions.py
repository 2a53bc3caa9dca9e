"""Means by condition, with the items behind them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from psylm.figures.style import panel, series
from psylm.stats.inference.intervals import mean_interval

ITEM_SEED = 1
"""Seed of the sideways scatter of items; it carries no meaning."""


def condition_means(
    table: pd.DataFrame,
    x: str,
    levels: Sequence[str],
    *,
    hue: str | None = None,
    groups: Sequence[str] = (),
    axes: Axes | None = None,
) -> Axes:
    """Draw each condition's mean with its 95% interval over the single items.

    Parameters
    ----------
    table
        One row an item and condition, with a `value`.
    x
        Column whose levels stand side by side.
    levels
        Its levels, in order.
    hue
        Column whose levels have their own colour and marker.
    groups
        Its levels, in order.
    axes
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        The axes; the caller names the value and its unit, and makes the legend.

    Examples
    --------
    >>> table = pd.DataFrame({"completion": ["expected", "odd"] * 3, "value": [4.0, 9.0, 5.0, 8.0, 6.0, 10.0]})
    >>> axes = condition_means(table, "completion", ["expected", "odd"])
    >>> axes.containers[0].lines[0].get_ydata().tolist()
    [5.0, 9.0]
    """
    scatter = np.random.default_rng(ITEM_SEED)
    names = list(groups) if hue is not None else [""]
    width = 0.7 / len(names)
    with panel(2.5, axes=axes) as axes:
        for number, name in enumerate(names):
            rows = table if hue is None else table[table[hue] == name]
            middles = np.arange(len(levels)) + (number - (len(names) - 1) / 2) * width
            values = [rows.loc[rows[x] == level, "value"].to_numpy() for level in levels]
            look = series(number)
            for middle, one in zip(middles, values, strict=True):
                places = middle + scatter.uniform(-0.3, 0.3, len(one)) * width
                axes.plot(
                    places, one, look["marker"], color=look["color"], alpha=0.25, markersize=2, markeredgewidth=0,
                    zorder=1,
                )  # fmt: skip
            means = np.array([mean_interval(one) for one in values])
            axes.errorbar(
                middles, means[:, 0], yerr=[means[:, 0] - means[:, 1], means[:, 2] - means[:, 0]],
                **look, markersize=5, markeredgecolor="white", markeredgewidth=0.6, linewidth=0.8, elinewidth=1.4,
                label=str(name) if hue else None, zorder=3,
            )  # fmt: skip
        axes.set_xticks(range(len(levels)), [str(level) for level in levels])
        axes.set_xlim(-0.6, len(levels) - 0.4)
    return axes
