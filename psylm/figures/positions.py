"""Figures of position encodings: what makes them orthogonal, what a shift does, and what breaks without them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure

from psylm.figures.style import COLOURS, DOUBLE, MARKERS, SINGLE, colour_map, new_figure
from psylm.scratch.positions import fourier, frequencies, gram, rotation, shift_product, sinusoidal

ENCODINGS = ("learned", "sinusoidal", "rotary", "alibi", "none")


def encoding(width: int = 64, length: int = 100) -> Figure:
    """Draw a sinusoidal encoding: a row a position, a column a dimension.

    Parameters
    ----------
    width, length
        d_model and the number of positions.
    """
    figure, (axes,) = new_figure(SINGLE, 0.75 * SINGLE)
    image = axes.imshow(
        sinusoidal(length, width).numpy(),
        aspect="auto",
        cmap=colour_map(diverging=True),
        vmin=-1,
        vmax=1,
        interpolation="none",
    )
    axes.set_xlabel("Dimension (even: sine, odd: cosine)")
    axes.set_ylabel("Position")
    figure.colorbar(image, ax=axes, label="PE(position, dimension)")
    return figure


def orthogonality(period: int = 128, count: int = 16) -> Figure:
    """Draw the inner products of waves over positions: of whole cycles a period, and of a position encoding.

    Parameters
    ----------
    period
        Positions that the sum runs over.
    count
        Functions of each kind.

    Returns
    -------
    Figure
        Two Gram matrices. The left is the identity: waves of whole numbers of cycles are orthogonal over their
        common period. The right is nearly so where waves are short, and not where they are longer than the period.
    """
    figure, panels = new_figure(DOUBLE * 0.75, DOUBLE * 0.75 * 0.5, columns=2)
    kinds = {
        f"1 to {count // 2} cycles in {period} positions": fourier(period, count),
        f"PE, d = {count}, over {period} positions": sinusoidal(period, count),
    }
    for panel, (title, functions) in zip(panels, kinds.items(), strict=True):
        image = panel.imshow(
            gram(functions).numpy(), cmap=colour_map(diverging=True), vmin=-1, vmax=1, interpolation="none"
        )
        panel.set_title(title)
        panel.set_xlabel("Function")
    panels[0].set_ylabel("Function")
    figure.colorbar(image, ax=panels, label="Inner product (norms 1)")
    return figure


def shifts(width: int = 64, positions: Sequence[int] = (0, 40, 200), longest: int = 60) -> Figure:
    """Draw PE(pos)·PE(pos + k) over k: the same curve from every position.

    Parameters
    ----------
    width
        d_model.
    positions
        Positions to measure from, each with a marker of its own.
    longest
        Largest k.
    """
    figure, (axes,) = new_figure(SINGLE, 0.8 * SINGLE)
    k = torch.arange(-longest, longest + 1)
    axes.plot(k, shift_product(width, k), color="0.6", linewidth=2.5, label=r"$\sum_i \cos(\omega_i k)$", zorder=1)
    table = sinusoidal(max(positions) + longest + 1, width)
    for number, position in enumerate(positions):
        ahead = k[(k + position >= 0) & (k % 6 == 2 * number)]
        products = table[position + ahead] @ table[position]
        axes.plot(
            ahead, products, MARKERS[number], color=COLOURS[number % len(COLOURS)], label=f"measured from {position}"
        )
    axes.set_xlabel("Shift k (positions)")
    axes.set_ylabel("PE(pos) · PE(pos + k)")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def turning(
    width: int = 16, shift: int = 8, positions: Sequence[int] = (0, 20, 45), pairs: Sequence[int] = (1, 2, 3, 4)
) -> Figure:
    """Draw pairs of dimensions as points on a circle: a shift turns each by an angle of its own, wherever it begins.

    Parameters
    ----------
    width
        d_model.
    shift
        k.
    positions
        Where the shift begins.
    pairs
        Pairs of dimensions i, a panel each.
    """
    figure, panels = new_figure(DOUBLE, DOUBLE / len(pairs) + 0.8, columns=len(pairs))
    table, matrix = sinusoidal(max(positions) + shift + 1, width), rotation(width, shift)
    around = np.linspace(0, 2 * np.pi, 200)
    for pair, panel in zip(pairs, panels, strict=True):
        panel.plot(np.cos(around), np.sin(around), color="0.8", linewidth=0.6)
        for number, position in enumerate(positions):
            here = table[position, 2 * pair : 2 * pair + 2].flip(0)  # cosine across, sine up
            there = (matrix @ table[position])[2 * pair : 2 * pair + 2].flip(0)
            arrow: dict[str, Any] = {
                "arrowstyle": "->",
                "color": COLOURS[number % len(COLOURS)],
                "connectionstyle": "arc3,rad=0.2",
            }
            panel.annotate("", xy=tuple(there.tolist()), xytext=tuple(here.tolist()), arrowprops=arrow)
            name = f"{position} to {position + shift}"
            panel.plot(*here, MARKERS[number], color=COLOURS[number % len(COLOURS)], markersize=4, label=name)
        angle = float(frequencies(width)[pair]) * shift
        panel.set_title(f"i = {pair}: turned by {np.degrees(angle):.3g}°")
        panel.set_aspect("equal")
        panel.set_xlabel("PE(pos, 2i + 1)")
    panels[0].set_ylabel("PE(pos, 2i)")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(positions), title="from position to position")
    return figure


def broken(table: pd.DataFrame) -> Figure:
    """Draw validation loss with positions as they are, shuffled and removed: a row an encoding, a panel a model.

    Parameters
    ----------
    table
        Columns `architecture`, `encoding`, `positions` (`intact`, `shuffled`, `removed`) and `loss` in nats.
    """
    architectures = list(dict.fromkeys(table["architecture"]))
    figure, panels = new_figure(DOUBLE * 0.8, 0.42 * SINGLE + 0.6, columns=len(architectures))
    encodings = [kind for kind in ENCODINGS if kind in set(table["encoding"])]
    for panel, architecture in zip(panels, architectures, strict=True):
        rows = table[table["architecture"] == architecture]
        for number, (state, some) in enumerate(rows.groupby("positions", sort=False)):
            heights = [encodings.index(encoding) for encoding in some["encoding"]]
            panel.plot(some["loss"], heights, MARKERS[number], color=COLOURS[number % len(COLOURS)], label=str(state))
        panel.set_title(architecture)
        panel.set_xlabel("Validation loss (nats per word)")
        panel.grid(axis="y", linewidth=0.3)
        panel.set_yticks(range(len(encodings)), encodings)
    panels[0].invert_yaxis()
    panels[0].set_ylabel("Trained with")
    figure.legend(
        *panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=3, title="positions when tested"
    )
    return figure
