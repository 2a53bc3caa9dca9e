"""Draws those figures of the documentation that no run draws; `psylm train positions` comes first."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl

from psylm.figures import positions
from psylm.figures.style import DPI, style
from psylm.scratch.shuffled import position_losses

HERE = Path(__file__).parent


def main() -> None:
    """Write `positions-*.png`."""
    with mpl.rc_context(style()):
        figures = {
            "encoding": positions.encoding(),
            "orthogonality": positions.orthogonality(),
            "shifts": positions.shifts(),
            "turning": positions.turning(),
            "broken": positions.broken(position_losses(Path("trained/positions"))),
        }
        for name, figure in figures.items():
            figure.savefig(HERE / f"positions-{name}.png", dpi=DPI * 2 // 3)


if __name__ == "__main__":
    main()
