"""What an analysis draws: a figure, and the caption that belongs to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Drawn:
    """A figure and its caption, which states n, test and interval.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure.
    caption : str
        What it shows, in English.
    """

    figure: Figure
    caption: str
