"""One small drawing of every figure function, and the pictures they are compared with.

Pictures are of the geometry alone: text is hidden and the layout fixed, since fonts are drawn a little differently by
every build of FreeType. `python -m tests.drawings [NAME …]` draws the pictures in `tests/images/` anew, after a change
that is wanted; look at what it wrote before it is committed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text

from psylm.figures import positions
from psylm.figures.calibration import calibration
from psylm.figures.conditions import condition_means
from psylm.figures.forest import forest, proportions
from psylm.figures.learning import losses, trajectory
from psylm.figures.regions import regions
from psylm.figures.scatter import agreement
from psylm.figures.style import JAPANESE_FONTS, installed, styled
from psylm.stats.correlation import correlation

IMAGES = Path(__file__).parent / "images"
DPI = 60

DRAWINGS: dict[str, Callable[[], Figure]] = {}

REGIONS = pd.DataFrame(
    {
        "region": ["subject", "modifier", "verb", "rest"] * 2,
        "condition": ["grammatical"] * 4 + ["ungrammatical"] * 4,
        "estimate": [12.0, 8.0, 4.0, 6.0, 12.5, 8.2, 9.0, 7.0],
        "n": 24,
    }
).assign(
    low=lambda table: table["estimate"] - 2,
    high=lambda table: table["estimate"] + 2,
    within_low=lambda table: table["estimate"] - 0.5,
    within_high=lambda table: table["estimate"] + 0.5,
)

EFFECTS = pd.DataFrame(
    {
        "name": ["N400", "N400", "first pass", "first pass"],
        "who": ["model", "people"] * 2,
        "estimate": [-0.3, -0.2, 0.15, 0.02],
        "low": [-0.4, -0.28, 0.05, -0.05],
        "high": [-0.2, -0.12, 0.25, 0.09],
    }
)

ACCURACY = pd.DataFrame(
    {
        "name": ["agreement", "reflexives", "islands"],
        "estimate": [0.9, 0.7, 0.55],
        "low": [0.8, 0.55, 0.4],
        "high": [0.95, 0.82, 0.69],
        "human": [0.97, 0.95, np.nan],
        "n": [48, 48, 24],
    }
)

PAIRS = pd.DataFrame({"people": np.linspace(-3, 3, 40)}).assign(
    model=lambda table: 1.5 * table["people"] - 1 + np.sin(7 * table["people"]),
    word=[f"word{number}" for number in range(40)],
)

BINS = pd.DataFrame(
    {
        "name": ["A", "A", "A", "B", "B", "B"],
        "predicted": [0.1, 0.5, 0.9] * 2,
        "observed": [0.2, 0.45, 0.7, 0.1, 0.55, 0.85],
        "n": [300, 100, 30] * 2,
    }
).assign(low=lambda table: table["observed"] - 0.05, high=lambda table: table["observed"] + 0.05)

STEPS = pd.DataFrame(
    {"model": ["GPT"] * 3 + ["LSTM"] * 3, "tokens": [1e3, 1e4, 1e5] * 2, "estimate": [0.5, 0.6, 1.0, 0.5, 0.5, 0.9]}
).assign(low=lambda table: table["estimate"] - 0.1, high=lambda table: (table["estimate"] + 0.1).clip(upper=1))

ITEMS = pd.DataFrame(
    [
        {"constraint": constraint, "completion": completion, "value": 5 + 3 * place + 2 * row + item % 4}
        for row, constraint in enumerate(["high", "low"])
        for place, completion in enumerate(["expected", "within", "between"])
        for item in range(12)
    ]
)


def drawing(draw: Callable[[], object]) -> Callable[[], object]:
    """Enter a function that draws a figure, under its own name."""

    def figure() -> Figure:
        draw()
        return plt.gcf()

    DRAWINGS[draw.__name__] = figure
    return draw


@drawing
def regions_by_item() -> None:
    axes = regions(None, REGIONS, marked=["verb"], names={"verb": "where they differ"})
    axes.get_figure().legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=2)


@drawing
def regions_within_items() -> None:
    regions(None, REGIONS, within=True).legend()


@drawing
def effects() -> None:
    axes = forest(None, EFFECTS, "name", "who", ["model", "people"])
    axes.set_xlabel("Difference in surprisal (Cohen's d)")
    axes.legend()


@drawing
def accuracy() -> None:
    axes = proportions(None, ACCURACY, "name", chance=0.5)
    axes.set_xlabel("Accuracy (share of pairs)")
    axes.get_figure().legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=2)


@drawing
def preference_beside_published() -> None:
    published = pd.DataFrame({"name": ["BERT"], "estimate": [0.74]})
    proportions(None, pd.concat([ACCURACY.drop(columns="human"), published]), "name").set_xlabel("Share of items")


@drawing
def human_agreement() -> None:
    found = correlation(PAIRS["people"], PAIRS["model"], kind="spearman", seed=1)
    axes = agreement(None, PAIRS["people"], PAIRS["model"], PAIRS["word"], found=found)
    axes.set_xlabel("Human cloze (log-odds)")
    axes.set_ylabel("Model cloze (log-odds)")


@drawing
def calibration_of_two_models() -> None:
    calibration(None, BINS, "name").legend()


@drawing
def acquisition() -> None:
    axes = trajectory(None, STEPS, "model", chance=0.5)
    axes.set_ylabel("Accuracy (share of pairs)")
    axes.legend()


@drawing
def training() -> None:
    losses(
        STEPS.assign(loss=lambda table: 3 - table["estimate"], validation_loss=lambda table: 3.2 - table["estimate"])
    )


@drawing
def training_of_many_models() -> None:
    log = STEPS.assign(loss=lambda table: 3 - table["estimate"], validation_loss=lambda table: 3.2 - table["estimate"])
    losses(pd.concat([log.assign(model=log["model"] + f"-{seed}", loss=log["loss"] + seed / 10) for seed in range(4)]))


@drawing
def means_by_condition() -> None:
    axes = condition_means(None, ITEMS, "completion", ["expected", "within", "between"], "constraint", ["high", "low"])
    axes.set_xlabel("completion")
    axes.set_ylabel("Surprisal of the target (bits)")
    axes.legend(title="constraint")


@drawing
def positions_encoding() -> None:
    positions.encoding(16, 24)


@drawing
def positions_orthogonality() -> None:
    positions.orthogonality(64, 8)


@drawing
def positions_shifts() -> None:
    positions.shifts(16, (0, 20), 24)


@drawing
def positions_turning() -> None:
    positions.turning()


@drawing
def positions_broken() -> None:
    rows = [
        {"architecture": "BERT", "encoding": encoding, "positions": state, "loss": 1 + row + column / 2}
        for row, encoding in enumerate(["learned", "none"])
        for column, state in enumerate(["intact", "shuffled", "removed"])
    ]
    positions.broken(pd.DataFrame(rows))


def drawn(name: str, *, greyscale: bool = False) -> Figure:
    """Draw a figure with the font that matplotlib brings."""
    plt.close("all")
    with styled(greyscale=greyscale):
        figure = DRAWINGS[name]()
    for text in figure.findobj(Text):
        text.set_fontfamily(["DejaVu Sans", *installed(JAPANESE_FONTS)[:1]])
    return figure


def geometry(figure: Figure, path: Path) -> None:
    """Write what a figure shows without its text, on a layout that text has not moved."""
    figure.set_layout_engine("none")
    for text in figure.findobj(Text):
        if text.get_text() or not isinstance(text, Annotation):  # an arrow is an annotation without words
            text.set_visible(False)
    for legend in [*figure.legends, *(axes.get_legend() for axes in figure.axes)]:
        if legend is not None:
            legend.set_visible(False)
    figure.savefig(path, dpi=DPI, metadata={"Software": None})


def picture(name: str, *, greyscale: bool) -> Path:
    """Name the picture that a drawing is compared with."""
    return IMAGES / f"{name}{'-grey' if greyscale else ''}.png"


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    for name in sys.argv[1:] or DRAWINGS:
        for greyscale in (False, True):
            geometry(drawn(name, greyscale=greyscale), picture(name, greyscale=greyscale))
            print(picture(name, greyscale=greyscale))
