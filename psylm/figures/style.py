"""The publication style: the one place that says how figures look."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
from cycler import cycler
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from psylm.files import replacing

MM = 1 / 25.4
SINGLE, DOUBLE = 85 * MM, 180 * MM
"""Widths of one and two columns, in inches."""

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe & Ito's palette, told apart by people with any colour vision; markers tell them apart without colour."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X")

FONTS = ("Arial", "Helvetica", "Liberation Sans", "DejaVu Sans")
FONTS_WITH_JAPANESE = ("Noto Sans CJK JP", "Noto Sans JP", "IPAexGothic", "Hiragino Sans", "Yu Gothic")

DPI = 300


def _installed(names: tuple[str, ...]) -> list[str]:
    there = {font.name for font in font_manager.fontManager.ttflist}
    return [name for name in names if name in there]


def style() -> Any:
    """Return matplotlib's settings for a publication."""
    fonts = _installed(FONTS)
    return {
        "font.family": [*(fonts[:1] or ["sans-serif"]), *_installed(FONTS_WITH_JAPANESE), "DejaVu Sans"],
        "font.size": 8,
        "axes.labelsize": 8,
        "axes.titlesize": 8,
        "xtick.labelsize": 7,
        "ytick.labelsize": 7,
        "legend.fontsize": 7,
        "legend.frameon": False,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.6,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "lines.linewidth": 1.0,
        "lines.markersize": 4,
        "axes.prop_cycle": cycler(color=COLOURS),
        "figure.constrained_layout.use": True,
        "pdf.fonttype": 42,  # embedded as fonts, not as outlines, so that text stays text
        "svg.fonttype": "none",
        "svg.hashsalt": "psylm",  # the same figure is the same file
        "savefig.dpi": DPI,
    }


def new_figure(width: float, height: float, columns: int = 1) -> tuple[Figure, list[Axes]]:
    """Make a figure in the publication style.

    Parameters
    ----------
    width, height
        In inches; `SINGLE` or `DOUBLE` wide.
    columns
        Panels side by side, with a common vertical axis.

    Returns
    -------
    Figure, list of Axes
        The figure and its panels.
    """
    with mpl.rc_context(style()):
        figure, axes = plt.subplots(1, columns, figsize=(width, height), sharey=True, squeeze=False)
    return figure, list(axes[0])


def save(figure: Figure, stem: Path) -> list[Path]:
    """Write a figure as PDF and SVG with embedded text, and as PNG at 300 dpi.

    Parameters
    ----------
    figure
        The figure.
    stem
        The path without its ending.
    """
    written = []
    undated: dict[str, dict[str, Any]] = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {}}
    for ending, metadata in undated.items():
        path = stem.with_name(f"{stem.name}.{ending}")
        with replacing(path) as temporary, mpl.rc_context(style()):
            figure.savefig(temporary, metadata=metadata)
        written.append(path)
    return written
