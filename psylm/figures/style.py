"""The publication style: the one place that says how figures look."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, overload

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from psylm.common.errors import InputError, Problem
from psylm.common.files import replacing

MM = 1 / 25.4
SINGLE, DOUBLE = 85 * MM, 180 * MM
"""Widths of one and two columns, in inches."""

WIDTHS = {"single": SINGLE, "double": DOUBLE}

OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe & Ito's palette, told apart by people with any colour vision; markers tell them apart without colour."""

GREYS = ("#000000", "#525252", "#898989", "#B9B9B9")
"""From dark to light, at least 18 apart in CIE lightness (L* of 0, 35, 57 and 75); paper has 100."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X")

DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 1.5, 1, 1.5)), (0, (9, 2)))

HATCHES = ("", "////", "....", "\\\\\\\\", "xxxx")

FONTS = ("Arial", "Helvetica", "Liberation Sans", "DejaVu Sans")

JAPANESE_FONTS = (
    "IPAexGothic", "BIZ UDGothic", "Noto Sans JP", "Noto Sans CJK JP", "Source Han Sans JP", "Hiragino Sans",
    "Yu Gothic",
)  # fmt: skip
"""In the order in which they are looked for: TrueType fonts first, which a PDF embeds as they are."""

DPI = 300

FORMATS = ("pdf", "svg", "png")

_greyscale: ContextVar[bool] = ContextVar("greyscale", default=False)


def in_greyscale() -> bool:
    """Whether figures are being drawn for a print without colour."""
    return _greyscale.get()


class _Colours(Sequence[str]):
    """The colours of the style in use: what is drawn with `COLOURS[0]` is grey where grey is asked for."""

    def _all(self) -> tuple[str, ...]:
        return GREYS if in_greyscale() else OKABE_ITO

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[str]: ...
    def __getitem__(self, place: int | slice) -> str | Sequence[str]:
        return self._all()[place]

    def __len__(self) -> int:
        return len(self._all())


COLOURS = _Colours()
"""Colours of the first, second, … of what is compared: Okabe & Ito's, or greys within `styled(greyscale=True)`."""


def series(number: int) -> dict[str, Any]:
    """Return colour, marker and line style of the n-th of the lines that are compared, as `plot` takes them.

    Each of the first seven differs from the others in its marker, so that a figure can be read without its colours.

    Examples
    --------
    >>> series(1)["color"], series(1)["marker"]
    ('#D55E00', 's')
    >>> with styled(greyscale=True):
    ...     series(1)["color"]
    '#525252'
    """
    return {
        "color": COLOURS[number % len(COLOURS)],
        "marker": MARKERS[number % len(MARKERS)],
        "linestyle": DASHES[number % len(DASHES)],
    }


def band(x: ArrayLike, low: ArrayLike, high: ArrayLike, number: int, *, axes: Axes) -> PolyCollection:
    """Shade an interval around the n-th line; in greyscale, bands are hatched so that they show through one another."""
    colour = COLOURS[number % len(COLOURS)]
    shade = axes.fill_between(x, low, high, facecolor=colour, edgecolor=colour, alpha=0.2, linewidth=0)
    if in_greyscale():
        shade.set_hatch(HATCHES[number % len(HATCHES)])
    return shade


def colour_map(*, diverging: bool = False) -> str:
    """Name the colour map of an image: its lightness alone tells the values apart, diverging ones in colour excepted.

    Parameters
    ----------
    diverging
        Whether values lie on both sides of a middle; in greyscale the middle is mid-grey.
    """
    if in_greyscale():
        return "gray" if diverging else "Greys"
    return "RdBu_r" if diverging else "Blues"


def ink(image: ScalarMappable, value: float) -> str:
    """Return black or white: which of them is read more easily on the colour that an image gives to a value.

    Examples
    --------
    >>> from matplotlib.cm import ScalarMappable
    >>> image = ScalarMappable(cmap="gray")
    >>> image.set_clim(0, 1)
    >>> [ink(image, value) for value in (0.2, 0.8)]
    ['white', 'black']
    """
    red, green, blue, _ = image.to_rgba(np.array([value]))[0]
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"


def installed(names: Sequence[str]) -> list[str]:
    """Return those of the named fonts that are installed, in their order."""
    there = {font.name for font in font_manager.fontManager.ttflist}
    return [name for name in names if name in there]


def style() -> Any:
    """Return matplotlib's settings for a publication."""
    fonts = installed(FONTS)
    return {
        "font.family": [*(fonts[:1] or ["sans-serif"]), *installed(JAPANESE_FONTS)[:1], "DejaVu Sans"],
        "font.size": 8,
        "axes.labelsize": 8,
        "axes.titlesize": 8,
        "xtick.labelsize": 7,
        "ytick.labelsize": 7,
        "legend.fontsize": 7,
        "legend.title_fontsize": 7,
        "legend.frameon": False,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.6,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "lines.linewidth": 1.0,
        "lines.markersize": 4,
        "hatch.linewidth": 0.4,
        "axes.prop_cycle": cycler(color=list(COLOURS)),
        "image.cmap": colour_map(),
        "figure.constrained_layout.use": True,
        "pdf.fonttype": 42,  # embedded as fonts, not as outlines, so that text stays text
        "svg.fonttype": "none",
        "svg.hashsalt": "psylm",  # the same figure is the same file
        "savefig.dpi": DPI,
    }


@contextmanager
def styled(*, greyscale: bool | None = None) -> Iterator[None]:
    """Draw in the publication style.

    Parameters
    ----------
    greyscale
        Whether figures are for a print without colour; as it is, by default.

    Examples
    --------
    >>> with styled(greyscale=True):
    ...     figure, (axes,) = new_figure(SINGLE, 2.0)
    ...     axes.plot([1, 2, 3], **series(0))[0].get_color()
    '#000000'
    """
    before = _greyscale.set(_greyscale.get() if greyscale is None else greyscale)
    try:
        with mpl.rc_context(style()):
            yield
    finally:
        _greyscale.reset(before)


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


@contextmanager
def panel(height: float, width: float = SINGLE, *, axes: Axes | None = None) -> Iterator[Axes]:
    """Give the axes to draw on: those that there are, or a new figure's, in the publication style.

    Parameters
    ----------
    height, width
        Of the new figure, in inches.
    axes
        What the caller of a figure's function gave.
    """
    if axes is not None:
        yield axes
        return
    with styled():
        yield new_figure(width, height)[1][0]


def width_of(text: str) -> float:
    """Return a width in inches: that of one or two columns, by name, or a number of millimetres.

    Examples
    --------
    >>> round(width_of("single"), 2), round(width_of("90"), 2)
    (3.35, 3.54)
    """
    if text in WIDTHS:
        return WIDTHS[text]
    try:
        millimetres = float(text)
    except ValueError:
        millimetres = 0.0
    if not 30 <= millimetres <= 500:
        expected = f"{', '.join(WIDTHS)}, or millimetres from 30 to 500"
        raise InputError(Problem("width", repr(text), expected))
    return millimetres * MM


def fit_legends(figure: Figure) -> None:
    """Give the legend above a figure more rows where it is wider than the figure."""
    for legend in list(figure.legends):
        texts, title = [text.get_text() for text in legend.get_texts()], legend.get_title().get_text()
        for columns in range(len(texts) - 1, 0, -1):
            if legend.get_window_extent().width <= figure.bbox.width:
                break
            handles = [handle for handle in legend.legend_handles if handle is not None]
            legend.remove()
            legend = figure.legend(handles, texts, title=title, loc="outside upper center", ncols=columns)


def save(figure: Figure, stem: Path, formats: Sequence[str] = FORMATS) -> list[Path]:
    """Write a figure as PDF and SVG with embedded text, and as PNG at 300 dpi.

    Parameters
    ----------
    figure
        The figure.
    stem
        The path without its ending.
    formats
        Those of `FORMATS` that are wanted.
    """
    undated: dict[str, dict[str, Any]] = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {}}
    unknown = [ending for ending in formats if ending not in undated]
    if unknown:
        raise InputError(Problem("formats", ", ".join(map(repr, unknown)), f"some of {', '.join(FORMATS)}"))
    written = []
    fit_legends(figure)
    for ending in formats:
        path = stem.with_name(f"{stem.name}.{ending}")
        with replacing(path) as temporary, mpl.rc_context(style()):
            figure.savefig(temporary, metadata=undated[ending])
        written.append(path)
    return written
