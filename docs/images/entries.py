"""The figures of the documentation: what each shows, which function and command draw it, and from what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt

import psylm
from psylm.common.study import Study
from psylm.figures import positions
from psylm.figures.calibration import calibration_caption, calibration_curve
from psylm.figures.drawn import Drawn
from psylm.figures.learning import logged, losses
from psylm.figures.similarity import similarity_matrix
from psylm.models.embedding import embed
from psylm.reporting.analyses import tables_of, write_tables
from psylm.runs.run import Run
from psylm.stats.conditions.targets import targets
from psylm.stats.human.agreement import with_human
from psylm.stats.inference.calibration import calibration
from psylm.training.shuffled import position_losses

MODEL, ENCODER = "embedded:smollm2-135m", "embedded:minilm-l6"
COMPUTED = "python docs/images/draw.py"
"""What draws figures that no run has."""

STUDY = Study.find(Path(__file__).parent)


@dataclass(frozen=True)
class Entry:
    """A figure.

    Parameters
    ----------
    name
        Of the picture.
    title
        What it shows.
    function
        What draws it, within `psylm.figures`.
    command
        What a user types for it.
    draw
        Draws it.
    greyscale, language
        As `psylm figures` takes them.
    """

    name: str
    title: str
    function: str
    command: str
    draw: Callable[[], Drawn]
    greyscale: bool = False
    language: str = "en"


@cache
def finished(experiment: str) -> Run:
    """Return an experiment's run, analysed; what is absent of it is made."""
    folder = Path("runs") / experiment
    run = Run(folder) if (folder / "results.parquet").is_file() else psylm.run(experiment, output=folder, study=STUDY)
    if not any((folder / "analysis").glob("*.csv")):
        write_tables(run, STUDY.analysis_module)
    return run


def of_run(experiment: str, module: str, key: str) -> Callable[[], Drawn]:
    """Return what draws one of the figures that an analysis module draws of a run."""

    def draw() -> Drawn:
        run = finished(experiment)
        figures: dict[str, Drawn] = STUDY.analysis_module(module).figures(run, tables_of(run, module))
        for name, one in figures.items():
            if name != key:
                plt.close(one.figure)
        return figures[key]

    return draw


def human_calibration() -> Drawn:
    """Draw the calibration of model cloze against human cloze."""
    run = finished("cloze-human")
    human = run.human("devarda2024")
    assert human is not None, "the set has human cloze"
    measured = with_human(targets(run, MODEL, "devarda2024"), human, {})
    curve = calibration(measured["cloze"], measured["human_cloze"], seed=run.seed).curve
    axes = calibration_curve(curve)
    what = f"cloze of {int(curve['n'].sum()):,} words by {MODEL} against shares of people"
    return Drawn(axes.get_figure(), calibration_caption(curve, what))


def training_losses() -> Drawn:
    """Draw the losses of the small models with every position encoding."""
    return Drawn(
        losses(logged(Path("trained/positions"))).get_figure(),
        "Cross-entropy in training (pale) and on held-out text (line, a marker where it was measured) of small models "
        "on the agreement grammar; one learner each (n = 1 seed).",
    )


def texts() -> Drawn:
    """Draw how similar a sentence encoder finds paraphrases that share few words."""
    items = psylm.load_stimuli("paraphrase").items
    pairs = items[(items["meaning"] == "same") & (items["overlap"] == "low")].head(5)
    sentences = [text for pair in zip(pairs["context"], pairs["sentence"], strict=True) for text in pair]
    vectors = embed(psylm.load_model(ENCODER, device="cpu"), sentences)[-1]
    norms = np.linalg.norm(vectors, axis=1)
    axes = similarity_matrix(vectors @ vectors.T / np.outer(norms, norms), sentences)
    return Drawn(
        axes.get_figure(),
        f"Cosines of {len(sentences)} sentences by {ENCODER}: {len(pairs)} paraphrases that share few words, of the set"
        " `paraphrase`. Similar sentences stand next to one another (average linkage). A drawing of items, not a test.",
    )


def shown(draw: Callable[[], plt.Figure], caption: str) -> Callable[[], Drawn]:
    """Return what draws a figure of definitions, which has no sample and no test."""
    return lambda: Drawn(draw(), caption)


ENTRIES = [
    Entry(
        "regions", "Surprisal by region", "regions.regions", "psylm run syntaxgym",
        of_run("syntaxgym", "suites", f"regions-syntaxgym/npz_obj-{MODEL}"),
    ),
    Entry(
        "suites", "Accuracy by test suite", "forest.proportions", "psylm run syntaxgym",
        of_run("syntaxgym", "suites", f"accuracy-{MODEL}"),
    ),
    Entry(
        "pairs", "Accuracy by phenomenon and method", "forest.proportions", "psylm run minimal-pairs",
        of_run("minimal-pairs", "minimal_pairs", f"accuracy-{MODEL}"),
    ),
    Entry(
        "blimp", "Accuracy by phenomenon, against people and chance", "forest.proportions", "psylm run blimp",
        of_run("blimp", "minimal_pairs", f"accuracy-{MODEL}"),
    ),
    Entry(
        "cloze", "Means by condition", "conditions.condition_means", "psylm run cloze",
        of_run("cloze", "cloze", f"conditions-cloze-constraint-{MODEL}"),
    ),
    Entry(
        "cloze-grey-ja", "The same in greyscale, with Japanese labels", "conditions.condition_means",
        "psylm figures runs/cloze --greyscale --language ja",
        of_run("cloze", "cloze", f"conditions-cloze-constraint-{MODEL}"), greyscale=True, language="ja",
    ),
    Entry(
        "contrasts", "Effect sizes of contrasts", "forest.forest", "psylm run cloze",
        of_run("cloze", "cloze", f"contrasts-cloze-constraint-{MODEL}"),
    ),
    Entry(
        "human", "Model against people", "scatter.agreement", "psylm run cloze-human",
        of_run("cloze-human", "cloze", f"human-devarda2024-{MODEL}"),
    ),
    Entry(
        "references", "Model against a published model", "scatter.agreement", "psylm run cloze-human",
        of_run("cloze-human", "cloze", f"references-devarda2024-{MODEL}"),
    ),
    Entry(
        "calibration", "Calibration against human cloze", "calibration.calibration_curve", "psylm run cloze-human",
        human_calibration,
    ),
    Entry(
        "effects", "Effects on ERPs and reading times", "forest.forest", "psylm run cloze-human",
        of_run("cloze-human", "cloze", f"effects-devarda2024-{MODEL}"),
    ),
    Entry(
        "reading-gains", "What surprisal adds to the prediction of reading times", "reading.gain_panels",
        "psylm run reading-times", of_run("reading-times", "reading_times", "gains-devarda2024"),
    ),
    Entry(
        "reading-perplexity", "Predictive power against perplexity", "reading.perplexity_panels",
        "psylm run reading-times", of_run("reading-times", "reading_times", "perplexity-devarda2024"),
    ),
    Entry(
        "reading-profile", "Reading times and surprisal side by side", "reading.profile", "psylm run reading-times",
        of_run("reading-times", "reading_times", "profile-devarda2024"),
    ),
    Entry(
        "reading-shape", "The shape of surprisal's effect", "reading.smooth_curve", "psylm run reading-times",
        of_run("reading-times", "reading_times", f"shape-{MODEL}-devarda2024"),
    ),
    Entry(
        "reading-spillover", "Effects of the word and of those before it", "reading.lagged", "psylm run reading-times",
        of_run("reading-times", "reading_times", "spillover-devarda2024"),
    ),
    Entry(
        "reading-shape-naturalstories", "The shape in ten whole texts", "reading.smooth_curve",
        "psylm run naturalstories",
        of_run("naturalstories", "reading_times", f"shape-{MODEL}-naturalstories"),
    ),
    Entry(
        "n400-components", "Effects by ERP component", "forest.forest", "psylm run n400",
        of_run("n400", "reading_erps", "components-devarda2024"),
    ),
    Entry(
        "attention-heads", "Selectivity of heads, and its link with behaviour", "attention.head_grid",
        "psylm run attention-agreement",
        of_run("attention-agreement", "attention", f"heads-{MODEL}-agreement-attraction"),
    ),
    Entry(
        "attention-layers", "Selectivity by layer", "attention.by_layer", "psylm run attention-agreement",
        of_run("attention-agreement", "attention", f"layers-{MODEL}-agreement-attraction"),
    ),
    Entry(
        "attraction", "Agreement attraction", "conditions.condition_means", "psylm run attention-agreement",
        of_run("attention-agreement", "dependencies", f"margins-{MODEL}-agreement-attraction"),
    ),
    Entry(
        "similarity-layers", "Similarity against human ratings, by layer", "similarity.layer_curves", "psylm run jsts",
        of_run("jsts", "similarity", f"human-layers-jsts-{ENCODER}"),
    ),
    Entry(
        "similarity-matrix", "Similarity of texts", "similarity.similarity_matrix",
        "psylm.models.embedding.embed(model, sentences)",
        texts,
    ),
    Entry(
        "rsa", "Representational similarity by layer", "similarity.layer_curves", "psylm run jsts",
        of_run("jsts", "geometry", f"rsa-jsts-{ENCODER}"),
    ),
    Entry(
        "priming", "Semantic priming by layer", "similarity.layer_curves", "psylm run priming",
        of_run("priming", "priming", f"layers-semantic-priming-{MODEL}"),
    ),
    Entry(
        "lesions", "Dose and response of lesions", "lesions.dose_response",
        "psylm run lesion-dose",
        of_run("lesion-dose", "lesions", f"dose-response-{MODEL}"),
    ),
    Entry(
        "acquisition", "Learning trajectories", "learning.trajectory", "psylm run acquisition",
        of_run("acquisition", "learning", "accuracy-agreement-grammar"),
    ),
    Entry("losses", "Losses of training", "learning.losses", "psylm train positions", training_losses),
    Entry(
        "positions-encoding", "A position encoding", "positions.encoding", COMPUTED,
        shown(positions.encoding, "A sinusoidal encoding of 100 positions, d = 64. Computed, without data."),
    ),
    Entry(
        "positions-orthogonality", "Orthogonal functions", "positions.orthogonality", COMPUTED,
        shown(
            positions.orthogonality,
            "Inner products of 16 waves over 128 positions: of whole numbers of cycles (left), and of an encoding "
            "(right). Computed, without data.",
        ),
    ),
    Entry(
        "positions-shifts", "Distance", "positions.shifts", COMPUTED,
        shown(positions.shifts, "PE(pos) · PE(pos + k) over k from three positions, d = 64. Computed, without data."),
    ),
    Entry(
        "positions-turning", "Rotation", "positions.turning", COMPUTED,
        shown(
            positions.turning,
            "A shift by 8 positions turns each pair of dimensions by its own angle, from wherever it begins, d = 16. "
            "Computed, without data.",
        ),
    ),
    Entry(
        "positions-broken", "What breaks without positions", "positions.broken", "psylm train positions",
        shown(
            lambda: positions.broken(position_losses(Path("trained/positions"))),
            "Validation loss of small models with their positions as they are, shuffled and removed; one learner each "
            "(n = 1 seed), so there is no interval.",
        ),
    ),
]  # fmt: skip
"""In the order of the page."""
