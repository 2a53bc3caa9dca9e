"""Figures of learning: losses over training."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter

from psylm.figures.style import COLOURS, MARKERS, SINGLE, new_figure, save, style


def losses(table: pd.DataFrame, axes: Axes | None = None) -> Axes:
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
    if axes is None:
        _, (axes,) = new_figure(SINGLE, 0.75 * SINGLE)
    for number, (model, rows) in enumerate(table.groupby("model", sort=False)):
        colour = COLOURS[number % len(COLOURS)]
        axes.plot(rows["tokens"], rows["loss"], color=colour, alpha=0.35, linewidth=0.8)
        measured = rows.dropna(subset=["validation_loss"])
        axes.plot(
            measured["tokens"], measured["validation_loss"], color=colour, marker="o", markersize=2, label=str(model)
        )
    axes.locator_params(axis="x", nbins=5)
    axes.xaxis.set_major_formatter(EngFormatter())
    axes.set_xlabel("Training tokens")
    axes.set_ylabel("Cross-entropy (nats per prediction)")
    axes.legend(title="line: validation, pale: training")
    return axes


def draw_losses(folder: Path) -> list[Path]:
    """Draw the losses of every model of a training's folder into its `figures/`; returns the files.

    Parameters
    ----------
    folder
        What `psylm train` wrote.
    """
    logs = sorted(folder.glob("*/log.csv"))
    if not logs:
        return []
    table = pd.concat([pd.read_csv(log).assign(model=log.parent.name) for log in logs])
    with mpl.rc_context(style()):
        axes = losses(table)
        written = save(axes.get_figure(), folder / "figures" / "losses")  # type: ignore[arg-type]
        plt.close(axes.get_figure())  # type: ignore[arg-type]
    return written


def trajectory(axes: Axes, table: pd.DataFrame, group: str) -> Axes:
    """Draw means with their intervals over training tokens, a line a group.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns `tokens`, `estimate`, `low`, `high` and the group's.
    group
        The column that tells lines apart.

    Returns
    -------
    Axes
        The panel; tokens on a logarithmic scale.
    """
    for number, (name, rows) in enumerate(table.groupby(group, sort=False)):
        rows = rows.sort_values("tokens")
        colour = COLOURS[number % len(COLOURS)]
        marker = MARKERS[number % len(MARKERS)]
        axes.plot(rows["tokens"], rows["estimate"], color=colour, marker=marker, markersize=3, label=str(name))
        axes.fill_between(rows["tokens"], rows["low"], rows["high"], color=colour, alpha=0.2, linewidth=0)
    axes.set_xscale("log")
    axes.set_xlabel("Training tokens")
    return axes
