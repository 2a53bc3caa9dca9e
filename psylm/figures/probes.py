"""What probes read off a model's layers."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from psylm.figures.drawn import Drawn
from psylm.figures.style import DOUBLE, SINGLE, band, new_figure, panel, series
from psylm.stats.probes import PERMUTATIONS


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


def draw_accuracy(accuracy: pd.DataFrame, model: str) -> Drawn:
    """Draw accuracy and control accuracy by layer for one model: a panel a task.

    Parameters
    ----------
    accuracy : DataFrame
        `task`, and rows of `psylm.stats.probes.probe_rows`.
    model : str
        The model's name.
    """
    names = list(dict.fromkeys(accuracy["task"]))
    figure, panels = new_figure(DOUBLE, 2.3, len(names))
    for axes, name in zip(panels, names, strict=True):
        probes(accuracy[accuracy["task"] == name], axes=axes)
        axes.set_title(str(name).replace(", ", ",\n"))
        if axes is not panels[0]:
            axes.set_ylabel("")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    sizes = accuracy.drop_duplicates("task").set_index("task")
    n = "; ".join(f"{name}: n = {sizes['n'][name]} words of {sizes['items'][name]} sentences" for name in names)
    return Drawn(
        figure,
        f"What linear probes read off the layers of {model}, with 95% intervals over items (Student's t): accuracy "
        f"on held-out items, on the control task (each word form has a label by chance; word forms that occur in "
        f"training), and of labels shuffled {PERMUTATIONS} times. {n}.",
    )
