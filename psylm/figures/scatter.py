"""Two measures of the same items."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike
from scipy import stats

from psylm.figures.style import COLOURS


def agreement(axes: Axes, x: ArrayLike, y: ArrayLike, words: Sequence[str], outliers: int = 5) -> Axes:
    """Draw one measure against another, with the regression line, its 95% band, and the words farthest from it.

    Parameters
    ----------
    axes
        Where to draw.
    x, y
        One value an item; items with a NaN are left out.
    words
        What the items are called.
    outliers
        How many items to label, those farthest from the line.

    Returns
    -------
    Axes
        The axes; the caller names the measures and their units.
    """
    a, b = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    both = ~(np.isnan(a) | np.isnan(b))
    a, b, names = a[both], b[both], [word for word, there in zip(words, both, strict=True) if there]
    crowded = len(a) > 300
    axes.plot(
        a, b, "o", color=COLOURS[0], alpha=0.25 if crowded else 0.6, markersize=2 if crowded else 3.5,
        markeredgewidth=0, zorder=1,
    )  # fmt: skip
    if len(a) < 3 or np.ptp(a) == 0:
        return axes
    fit = stats.linregress(a, b)
    grid = np.linspace(a.min(), a.max(), 100)
    line = fit.intercept + fit.slope * grid
    residuals = b - (fit.intercept + fit.slope * a)
    spread = np.sqrt((residuals**2).sum() / (len(a) - 2))
    error = spread * np.sqrt(1 / len(a) + (grid - a.mean()) ** 2 / ((a - a.mean()) ** 2).sum())
    half = stats.t.ppf(0.975, len(a) - 2) * error
    axes.fill_between(grid, line - half, line + half, color=COLOURS[1], alpha=0.25, linewidth=0, zorder=2)
    axes.plot(grid, line, color=COLOURS[1], zorder=3)
    taken: list[tuple[float, float]] = []
    for index in np.argsort(-np.abs(residuals)):
        place = ((a[index] - a.min()) / np.ptp(a), (b[index] - b.min()) / (np.ptp(b) or 1))
        # Labels must not lie on one another.
        if any(abs(place[0] - u) < 0.22 and abs(place[1] - v) < 0.06 for u, v in taken):
            continue
        right = place[0] < 0.75
        axes.annotate(
            names[index], (a[index], b[index]), xytext=(3 if right else -3, 0), textcoords="offset points",
            ha="left" if right else "right", va="center", fontsize=6, zorder=4,
        )  # fmt: skip
        taken.append(place)
        if len(taken) == outliers:
            break
    return axes
