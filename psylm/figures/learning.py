"""Figures of learning: losses over training."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter

from psylm.figures.drawn import Drawn
from psylm.figures.style import DOUBLE, SINGLE, band, new_figure, panel, save, series, styled
from psylm.prose.apa import spread
from psylm.stats.learning import ACCURACY

FEW = 4
"""Models whose legend has room within a panel; that of more stands beside it."""


def losses(table: pd.DataFrame, *, axes: Axes | None = None) -> Axes:
    """Draw training and validation loss over training tokens, a colour a model.

    Parameters
    ----------
    table
        Columns `model`, `tokens`, `loss`, `validation_loss` (in nats; NaN where it was not measured).
    axes
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        The panel; a line is the validation loss, a pale one the training loss.
    """
    many = table["model"].nunique() > FEW
    with panel(0.75 * SINGLE, SINGLE * (1.4 if many else 1), axes=axes) as axes:
        for number, (model, rows) in enumerate(table.groupby("model", sort=False)):
            look = series(number)
            axes.plot(rows["tokens"], rows["loss"], color=look["color"], alpha=0.35, linewidth=0.6)
            measured = rows.dropna(subset=["validation_loss"])
            axes.plot(measured["tokens"], measured["validation_loss"], **look, markersize=2.5, label=str(model))
        axes.locator_params(axis="x", nbins=5)
        axes.xaxis.set_major_formatter(EngFormatter())
        axes.set_xlabel("Training tokens")
        axes.set_ylabel("Cross-entropy (nats per prediction)")
        axes.legend(
            title="line: validation, pale: training", loc="upper left" if many else "best",
            bbox_to_anchor=(1.02, 1.0) if many else None,
        )  # fmt: skip
    return axes


def logged(folder: Path) -> pd.DataFrame:
    """Read the logs of every model of a training's folder, as `losses` takes them; empty without logs.

    Parameters
    ----------
    folder
        What `psylm train` wrote.
    """
    logs = [pd.read_csv(log).assign(model=log.parent.name) for log in sorted(folder.glob("*/log.csv"))]
    return pd.concat(logs) if logs else pd.DataFrame()


def draw_losses(folder: Path) -> list[Path]:
    """Draw the losses of every model of a training's folder into its `figures/`; returns the files.

    Parameters
    ----------
    folder
        What `psylm train` wrote.
    """
    table = logged(folder)
    if table.empty:
        return []
    with styled():
        axes = losses(table)
        written = save(axes.get_figure(), folder / "figures" / "losses")  # type: ignore[arg-type]
        plt.close(axes.get_figure())  # type: ignore[arg-type]
    return written


def trajectory(table: pd.DataFrame, group: str, *, chance: float | None = None, axes: Axes | None = None) -> Axes:
    """Draw means with their intervals over training tokens, a line a group.

    Parameters
    ----------
    table
        Columns `tokens`, `estimate`, `low`, `high` and the group's.
    group
        The column that tells lines apart.
    chance
        What guessing gives, a dashed line.
    axes
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        The panel; tokens on a logarithmic scale. The caller names what was measured, and makes the legend.

    Examples
    --------
    >>> table = pd.DataFrame({"model": "GPT", "tokens": [1000, 10000], "estimate": [0.5, 0.9], "low": [0.4, 0.8],
    ...                       "high": [0.6, 1.0]})
    >>> trajectory(table, "model", chance=0.5).get_xscale()
    'log'
    """
    with panel(0.75 * SINGLE, axes=axes) as axes:
        for number, (name, rows) in enumerate(table.groupby(group, sort=False)):
            rows = rows.sort_values("tokens")
            band(rows["tokens"], rows["low"], rows["high"], number, axes=axes)
            axes.plot(rows["tokens"], rows["estimate"], **series(number), markersize=3, label=str(name))
        if chance is not None:
            axes.axhline(chance, color="0.5", linewidth=0.6, linestyle="--", zorder=1)
        axes.set_xscale("log")
        axes.set_xlabel("Training tokens")
    return axes


def draw_trajectories(means: pd.DataFrame) -> Drawn:
    """Draw what learners know of one set, by one measure, over training: a panel a condition, a line an architecture.

    Parameters
    ----------
    means : DataFrame
        Rows of `psylm.stats.learning.mean_of_learners`.
    """
    measure, stimuli = str(means["measure"].iloc[0]), str(means["stimuli"].iloc[0])
    judged = measure == ACCURACY
    conditions = list(dict.fromkeys(means["condition"]))
    figure, panels = new_figure(DOUBLE, DOUBLE / 3.2, columns=len(conditions))
    for axes, condition in zip(panels, conditions, strict=True):
        rows = means[means["condition"] == condition]
        if judged:  # an interval by Student's t may go on where no accuracy is
            rows = rows.assign(low=rows["low"].clip(lower=0), high=rows["high"].clip(upper=1))
        trajectory(rows, "architecture", chance=0.5 if judged else None, axes=axes)
        axes.set_title(str(condition))
    panels[0].set_ylabel("Accuracy (share of pairs)" if judged else f"{measure.replace('_', ' ')} (mean)")
    if judged:
        panels[0].set_ylim(-0.02, 1.02)
    panels[-1].legend()
    return Drawn(
        figure,
        f"{'Accuracy' if judged else measure} on {stimuli} over training. Lines: mean of "
        f"{spread(means['learners'])} learners (random seeds); bands: 95% intervals of that mean (Student's t). "
        f"n = {spread(means['n'])} {'pairs' if judged else 'values'} a point." + (" Dashed: chance." if judged else ""),
    )
