"""One small drawing of every figure function, and the pictures they are compared with.

Pictures are of the geometry alone: text is hidden and the layout fixed, since fonts are drawn a little differently by
every build of FreeType. `python -m tests.figures.drawings [NAME …]` draws the pictures in `tests/figures/images/` anew,
after a change that is wanted; look at what it wrote before it is committed.
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
from psylm.figures.attention import attention_map, by_layer, correlation_matrix, head_grid
from psylm.figures.calibration import calibration_curve
from psylm.figures.conditions import condition_means
from psylm.figures.forest import forest, proportions
from psylm.figures.learning import losses, trajectory
from psylm.figures.lesions import dose_response
from psylm.figures.multiverse import specification_curve
from psylm.figures.participants import effects_by_subject
from psylm.figures.power import power_curves
from psylm.figures.probes import probes
from psylm.figures.reading import gain_by_perplexity, lagged, profile, smooth_curve
from psylm.figures.regions import regions
from psylm.figures.scatter import agreement
from psylm.figures.similarity import layer_curves, similarity_matrix
from psylm.figures.style import JAPANESE_FONTS, installed, styled
from psylm.stats.inference.correlation import correlation
from tests.figures.figure_tables import (
    ACCURACY,
    BINS,
    CURVE,
    EFFECTS,
    GAINS,
    ITEMS,
    LAYERS,
    PAIRS,
    POWER,
    PROBED,
    REGIONS,
    SPILLOVER,
    STEPS,
    UNIVERSE,
)  # fmt: skip

IMAGES = Path(__file__).parent / "images"
DPI = 60

DRAWINGS: dict[str, Callable[[], Figure]] = {}


def drawing(draw: Callable[[], object]) -> Callable[[], object]:
    """Enter a function that draws a figure, under its own name."""

    def figure() -> Figure:
        draw()
        return plt.gcf()

    DRAWINGS[draw.__name__] = figure
    return draw


@drawing
def regions_by_item() -> None:
    axes = regions(REGIONS, marked=["verb"], names={"verb": "where they differ"})
    axes.get_figure().legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=2)


@drawing
def regions_within_items() -> None:
    regions(REGIONS, within=True).legend()


@drawing
def effects() -> None:
    axes = forest(EFFECTS, "name", hue="who", groups=["model", "people"])
    axes.set_xlabel("Difference in surprisal (Cohen's d)")
    axes.legend()


@drawing
def accuracy() -> None:
    axes = proportions(ACCURACY, "name", chance=0.5)
    axes.set_xlabel("Accuracy (share of pairs)")
    axes.get_figure().legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=2)


@drawing
def preference_beside_published() -> None:
    published = pd.DataFrame({"name": ["BERT"], "estimate": [0.74]})
    proportions(pd.concat([ACCURACY.drop(columns="human"), published]), "name").set_xlabel("Share of items")


@drawing
def human_agreement() -> None:
    found = correlation(PAIRS["people"], PAIRS["model"], kind="spearman", seed=1)
    axes = agreement(PAIRS["people"], PAIRS["model"], PAIRS["word"], found=found)
    axes.set_xlabel("Human cloze (log-odds)")
    axes.set_ylabel("Model cloze (log-odds)")


@drawing
def calibration_of_two_models() -> None:
    calibration_curve(BINS, group="name").legend()


@drawing
def acquisition() -> None:
    axes = trajectory(STEPS, "model", chance=0.5)
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
    axes = condition_means(
        ITEMS, "completion", ["expected", "within", "between"], hue="constraint", groups=["high", "low"]
    )
    axes.set_xlabel("completion")
    axes.set_ylabel("Surprisal of the target (bits)")
    axes.legend(title="constraint")


@drawing
def attention_of_words() -> None:
    attention_map([[1.0, 0.0, 0.0], [0.6, 0.4, 0.0], [0.2, 0.5, 0.3]], ["The", "cats", "sleep"])


@drawing
def attention_of_heads() -> None:
    values = np.linspace(-0.3, 0.5, 12).reshape(3, 4)
    head_grid(values, "Selectivity (share of attention)", best=(0, 0), marked=[(0, 1), (2, 3)])


@drawing
def attention_by_layer() -> None:
    by_layer(LAYERS[LAYERS["layer"] >= 0], "model", "Selectivity (share of attention)").legend()


@drawing
def attention_agreement() -> None:
    names = ["weights", "rollout", "gradient"]
    matrix = pd.DataFrame([[1, 0.7, -0.9], [0.7, 1, 0.2], [-0.9, 0.2, 1]], names, names)
    correlation_matrix(matrix, "Spearman's ρ")


@drawing
def similarity_by_layer() -> None:
    axes = layer_curves(LAYERS, "model", chance=0)
    axes.set_ylabel("Spearman's ρ")
    axes.legend()


@drawing
def similarity_of_texts() -> None:
    texts = ["a dog barks", "rates rose", "a hound barks", "prices rose"]
    similarity_matrix(np.eye(4) * 0.5 + np.outer([1, 0, 1, 0], [1, 0, 1, 0]) * 0.4 + 0.1, texts)


@drawing
def power() -> None:
    power_curves(POWER)


@drawing
def specifications() -> None:
    above, _ = specification_curve(UNIVERSE, ["measure", "model"])
    above.set_ylabel("Effect (d)")


@drawing
def probed_layers() -> None:
    probes(PROBED).legend()


@drawing
def reading_profile() -> None:
    axes = profile(STEPS.rename(columns={"tokens": "position", "estimate": "mean"}), "model")
    axes.set_xlabel("Word of the sentence (from 0)")
    axes.set_ylabel("Reading time (ms)")


@drawing
def reading_shape() -> None:
    axes = smooth_curve(CURVE)
    axes.set_ylabel("Effect (ms)")
    axes.legend()


@drawing
def reading_spillover() -> None:
    axes = lagged(SPILLOVER, "predictor")
    axes.set_ylabel("Effect of one bit (ms)")
    axes.legend()


@drawing
def reading_gains() -> None:
    axes = gain_by_perplexity(GAINS)
    axes.set_ylabel("Δ log-likelihood (nats)")
    axes.legend()


@drawing
def lesions_by_dose() -> None:
    table = BINS.rename(columns={"name": "task", "predicted": "dose", "observed": "estimate"}).assign(chance=0.5)
    dose_response(table, unit="share of heads").set_ylabel("Right choices (share)")


@drawing
def participants() -> None:
    effects_by_subject(EFFECTS).set_ylabel("Effect (d)")


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
