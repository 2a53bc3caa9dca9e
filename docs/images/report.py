"""Photographs the item browser for `docs/report.md`: `python -m docs.images.report runs/cloze/report.html`."""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

from tests.chromium import Chromium

WIDTH, HEIGHT, COLOURS = 1000, 1000, 256
POINT = "#plot .point[data-index='6']"


def main() -> None:
    """Open an item, and keep the picture in few colours."""
    path = Path(__file__).parent / "report.png"
    with tempfile.TemporaryDirectory() as profile:
        browser = Chromium(Path(profile))
        try:
            browser.show(Path(sys.argv[1]), WIDTH, HEIGHT)
            browser.click(POINT)
            browser.run("document.querySelector('#items').scrollIntoView()")
            browser.screenshot(path)
        finally:
            browser.close()
    with Image.open(io.BytesIO(path.read_bytes())) as image:
        image.convert("RGB").quantize(COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
            path, optimize=True
        )
    print(f"{path}  {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
