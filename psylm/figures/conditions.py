"""Means by condition, with the items behind them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from psylm.figures.drawn import Drawn
from psylm.figures.forest import forest, proportions
from psylm.figures.style import DOUBLE, SINGLE, new_figure, panel, series
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


def draw_conditions(trials: pd.DataFrame, card: dict[str, Any], model: str) -> Drawn:
    """Draw the surprisal of targets by condition with the single items: a panel a combination of the outer factors."""
    *outer, x = card["factors"]
    hue = outer[-1] if outer else None
    facets = list(product(*(card["factors"][name] for name in outer[:-1])))
    figure, panels = new_figure(SINGLE if len(facets) == 1 else DOUBLE, 2.5, len(facets))
    for axes, levels in zip(panels, facets, strict=True):
        keep = np.logical_and.reduce(
            [np.ones(len(trials), bool), *(trials[f] == v for f, v in zip(outer[:-1], levels, strict=True))]
        )
        rows = trials[keep].assign(value=trials["surprisal"])
        condition_means(rows, x, card["factors"][x], hue=hue, groups=card["factors"][hue] if hue else (), axes=axes)
        axes.set_xlabel(x.replace("_", " "))
        axes.set_title(", ".join(levels))
    panels[0].set_ylabel("Surprisal of the target (bits)")
    panels[0].set_ylim(bottom=0)
    if hue:
        panels[-1].legend(title=hue.replace("_", " "), loc="best")
    n = trials["item"].nunique()
    between = "" if not card["between"] else f" ({', '.join(card['between'])} between items)"
    return Drawn(
        figure,
        f"Surprisal of the target word by condition, {model}. Large symbols: means of items with 95% intervals "
        f"(Student's t); small ones: single items. n = {n} items{between}.",
    )


def draw_contrasts(contrasts: pd.DataFrame, model: str) -> Drawn:
    """Draw the contrasts between conditions as standardised differences."""
    names = contrasts["contrast"] + contrasts["at"].map(lambda at: f"  ({at})" if isinstance(at, str) and at else "")
    rows = pd.DataFrame(
        {
            "name": names, "estimate": contrasts["effect_size"], "low": contrasts["effect_low"],
            "high": contrasts["effect_high"],
        }
    )  # fmt: skip
    figure, panels = new_figure(DOUBLE * 0.75, 0.6 + 0.19 * len(rows))
    forest(rows, "name", axes=panels[0]).set_xlabel("Difference in surprisal (Cohen's d)")
    n = int(contrasts["n"].max())
    return Drawn(
        figure,
        f"Contrasts between conditions in surprisal, {model}: standardised differences with 95% intervals from the "
        f"noncentral t distribution; d_z within items, d_s between items. Filled symbols: the interval leaves out "
        f"zero. At most n = {n} items.",
    )


def draw_preference(preference: pd.DataFrame, model: str) -> Drawn:
    """Draw how often the first completion is preferred, beside published figures."""
    rows = preference[preference["measure"] == preference["measure"].iloc[0]].copy()
    who = rows["who"].where(rows["who"].notna() & (rows["who"] != ""), model)
    rows["name"] = who + rows["condition"].map(lambda condition: "" if condition == "all" else f" ({condition})")
    figure, panels = new_figure(SINGLE, 0.6 + 0.24 * len(rows))
    proportions(rows, "name", axes=panels[0]).set_xlabel("Share of items")
    figure.suptitle(str(rows["measure"].iloc[0]), fontsize=8)
    return Drawn(
        figure,
        f"How often {model} finds the first completion more probable than every other, with 95% Wilson intervals "
        f"(circles, n = {int(rows['n'].iloc[0])} items), and published figures (diamonds): "
        f"{'; '.join(dict.fromkeys(rows.loc[rows['low'].isna(), 'source']))}.",
    )
