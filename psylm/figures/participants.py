"""Figures of simulated participants."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from psylm.figures.drawn import Drawn
from psylm.figures.style import COLOURS, DOUBLE, SINGLE, new_figure, panel


def effects_by_subject(table: pd.DataFrame, *, axes: Axes | None = None) -> Axes:
    """Draw the effect of each participant with its interval, in ascending order.

    Parameters
    ----------
    table
        A row a participant: `estimate`, `low`, `high`.
    axes
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        The panel; the line is the mean of participants.

    Examples
    --------
    >>> table = pd.DataFrame({"estimate": [2.0, 1.0], "low": [1.0, 0.5], "high": [3.0, 1.5]})
    >>> effects_by_subject(table).get_xlabel()
    'participant'
    """
    with panel(0.75 * SINGLE, axes=axes) as axes:
        rows = table.sort_values("estimate").reset_index(drop=True)
        errors = [rows["estimate"] - rows["low"], rows["high"] - rows["estimate"]]
        axes.axhline(0, color="0.5", linewidth=0.6, zorder=1)
        axes.axhline(rows["estimate"].mean(), color=COLOURS[0], linewidth=0.8, linestyle="--", zorder=1)
        axes.errorbar(
            rows.index + 1, rows["estimate"], yerr=errors, linestyle="", marker="o", markersize=3, capsize=1.5,
            linewidth=0.8, color=COLOURS[0],
        )  # fmt: skip
        axes.set_xlabel("participant")
        axes.locator_params(axis="x", integer=True)
    return axes


def draw_effects(effects: pd.DataFrame) -> Drawn:
    """Draw the effect of every participant on one contrast of one set: a panel a group of participants.

    Parameters
    ----------
    effects : DataFrame
        `group`, `stimuli`, `contrast`, `subject`, `estimate`, `low`, `high` and `n` items.
    """
    stimuli, contrast = effects["stimuli"].iloc[0], effects["contrast"].iloc[0]
    groups = list(dict.fromkeys(effects["group"]))
    figure, panels = new_figure(min(DOUBLE, 3.2 * len(groups)), 2.3, columns=len(groups))
    for axes, group in zip(panels, groups, strict=True):
        effects_by_subject(effects[effects["group"] == group], axes=axes)
        axes.set_title(str(group).rpartition("#")[2])
    panels[0].set_ylabel(f"{contrast} (bits)")
    subjects, items = effects.groupby("group")["subject"].nunique().max(), int(effects["n"].min())
    return Drawn(
        figure,
        f"Effect of {contrast} on surprisal of the target in {stimuli}, participant by participant, in ascending "
        f"order; 95% intervals over {items} items (Student's t). {subjects} participants (seeds) a panel.",
    )
