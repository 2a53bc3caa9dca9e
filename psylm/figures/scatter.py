"""Two measures of the same items."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import ArrayLike
from scipy import stats

from psylm.figures.style import COLOURS, in_greyscale, panel
from psylm.prose.apa import interval, number
from psylm.stats.inference.correlation import Correlation

CROWDED = 300
"""Items beyond which points are small and pale."""

MARKS = ".,;:!?\"'()。、，！？「」"
"""Marks of punctuation that a word is labelled without."""


def agreement(
    x: ArrayLike,
    y: ArrayLike,
    words: Sequence[str],
    *,
    outliers: int = 5,
    found: Correlation | None = None,
    symbol: str = "ρ",
    axes: Axes | None = None,
) -> Axes:
    """Draw one measure against another, with the regression line, its 95% band, and the words farthest from it.

    Parameters
    ----------
    x, y
        One value an item; items with a NaN are left out.
    words
        What the items are called.
    outliers
        How many items to label, those farthest from the line.
    found
        The measures' correlation, written above the panel with its interval.
    symbol
        Of the coefficient: ρ for Spearman's, r for Pearson's, τ for Kendall's.
    axes
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        The axes; the caller names the measures and their units.

    Examples
    --------
    >>> from psylm.stats.inference.correlation import correlation
    >>> people, model = [0.1, 0.2, 0.5, 0.6, 0.9], [0.2, 0.1, 0.4, 0.7, 0.8]
    >>> found = correlation(people, model, kind="spearman", seed=1)
    >>> agreement(people, model, ["soup", "salt", "cat", "window", "door"], found=found).get_title("left")[:7]
    'ρ = .90'
    """
    a, b = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    both = ~(np.isnan(a) | np.isnan(b))
    a, b, names = a[both], b[both], [word for word, there in zip(words, both, strict=True) if there]
    crowded = len(a) > CROWDED
    with panel(2.9, axes=axes) as axes:
        points = COLOURS[2 if in_greyscale() else 0]
        axes.plot(
            a, b, "o", color=points, alpha=0.25 if crowded else 0.6, markersize=2 if crowded else 3.5,
            markeredgewidth=0, zorder=1,
        )  # fmt: skip
        if found is not None:
            bounds = interval(found.low, found.high, bounded=True)
            axes.set_title(f"{symbol} = {number(found.r, bounded=True)}, {bounds}, n = {found.n}", loc="left")
        if len(a) > 2 and np.ptp(a) > 0:
            residuals = _fit(axes, a, b)
            _label(axes, a, b, names, np.argsort(-np.abs(residuals)), outliers)
    return axes


def _fit(axes: Axes, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Draw the regression line and the 95% band of the mean; return the residuals."""
    fit = stats.linregress(a, b)
    grid = np.linspace(a.min(), a.max(), 100)
    line = fit.intercept + fit.slope * grid
    residuals = np.asarray(b - (fit.intercept + fit.slope * a))
    spread = np.sqrt((residuals**2).sum() / (len(a) - 2))
    error = spread * np.sqrt(1 / len(a) + (grid - a.mean()) ** 2 / ((a - a.mean()) ** 2).sum())
    half = stats.t.ppf(0.975, len(a) - 2) * error
    line_colour = COLOURS[0 if in_greyscale() else 1]
    axes.fill_between(grid, line - half, line + half, color=line_colour, alpha=0.25, linewidth=0, zorder=2)
    axes.plot(grid, line, color=line_colour, zorder=3)
    return residuals


def _label(axes: Axes, a: np.ndarray, b: np.ndarray, names: Sequence[str], farthest: np.ndarray, most: int) -> None:
    """Write the names of the items farthest from the line, none over another."""
    taken: list[tuple[float, float]] = []
    for index in farthest:
        if len(taken) == most:
            break
        place = ((a[index] - a.min()) / np.ptp(a), (b[index] - b.min()) / (np.ptp(b) or 1))
        if any(abs(place[0] - u) < 0.22 and abs(place[1] - v) < 0.06 for u, v in taken):
            continue
        right = place[0] < 0.75
        axes.annotate(
            names[index].strip(MARKS), (a[index], b[index]), xytext=(3 if right else -3, 0), textcoords="offset points",
            ha="left" if right else "right", va="center", fontsize=6, zorder=4,
        )  # fmt: skip
        taken.append(place)


def correlation_of(row: pd.Series) -> Correlation:
    """Return the correlation that a row of a table holds, as `agreement` takes it."""
    return Correlation(row["estimate"], row["low"], row["high"], row["p"], int(row["n"]))
