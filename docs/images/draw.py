"""Draws every figure of the documentation, and writes the gallery page with their captions.

Runs come from `runs/`, and are made where they are absent; `psylm stimuli fetch syntaxgym` and `psylm stimuli fetch
devarda2024` come first. `python docs/images/draw.py [NAME …]` draws all figures, or those named.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from entries import ENTRIES
from matplotlib.figure import Figure
from PIL import Image

from psylm.figures.labels import translate
from psylm.figures.style import fit_legends, styled

HERE = Path(__file__).parent
DPI = 200
COLOURS = 256

PAGE = HERE.parent / "gallery.md"
MARK = "<!-- What follows is written by docs/images/draw.py. -->\n"
"""Above it the page is written by hand."""


def write(figure: Figure, path: Path) -> None:
    """Write a picture of few colours, which is a quarter of the size."""
    with styled():
        fit_legends(figure)
        figure.savefig(path, dpi=DPI)
    with Image.open(path) as image:
        small = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    small.save(path, optimize=True, dpi=(DPI, DPI))
    print(f"{path}  {path.stat().st_size / 1000:.0f} kB")


def main() -> None:
    """Draw the figures, and write their sections of `gallery.md`; those that were not drawn stay as they are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="pictures, without .png")
    wanted = parser.parse_args().names
    introduction, _, written = PAGE.read_text(encoding="utf-8").partition(MARK)
    sections = {section.partition("\n")[0]: section.strip() for section in written.split("\n## ")[1:]}
    for entry in ENTRIES:
        if wanted and entry.name not in wanted:
            continue
        with styled(greyscale=entry.greyscale):
            drawn = entry.draw()
            translate(drawn.figure, entry.language)
            write(drawn.figure, HERE / f"{entry.name}.png")
        sections[entry.title] = (
            f"{entry.title}\n\n![{entry.title}](images/{entry.name}.png)\n\n{drawn.caption}\n\n"
            f"`psylm.figures.{entry.function}` · `{entry.command}`"
        )
    page = "\n\n".join(f"## {sections[entry.title]}" for entry in ENTRIES if entry.title in sections)
    PAGE.write_text(f"{introduction}{MARK}\n{page}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
