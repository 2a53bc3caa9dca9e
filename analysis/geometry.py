"""What space do a model's vectors span? Anisotropy and its corrections, and what each layer's distances follow.

Needs the measure `embedding`. The corrections, all-but-the-top and whitening, are fitted on the set's own texts, each
once: a similarity then depends on the set, which is why they are computed here and not by a measure. Where there are
ratings or the factor `meaning: [same, different]`, agreement with them is given before and after. Representational
similarity analysis (RSA) compares each layer's distances with word overlap, and with those of the last layer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from psylm.figures.drawn import Drawn
from psylm.figures.geometry import draw_anisotropy, draw_corrected, draw_matrix, draw_rsa
from psylm.measures.similarity import compare
from psylm.prose import geometry as prose
from psylm.prose.paragraphs import paragraphs
from psylm.reporting.requirements import Requires
from psylm.runs.run import Run
from psylm.stats.collect import Part, Tables, collect, select
from psylm.stats.human.agreement import with_human
from psylm.stats.inference.correlation import correlation
from psylm.stats.inference.rsa import dissimilarity, mantel
from psylm.stats.similarity.geometry import CORRECTIONS, NONE, anisotropy
from psylm.stats.similarity.overlap import overlap
from psylm.stats.similarity.preference import preference_table
from psylm.stats.similarity.rated import RATING
from psylm.stats.similarity.spaces import Space, spaces

REQUIRES = Requires(measures=("embedding",), items=2)

MOST_TEXTS = 120
"""Texts that RSA is done on, at most: the first ones. The number of pairs grows with their square."""

PERMUTATIONS, RESAMPLES = 999, 500


def tables(run: Run) -> Tables:
    """Compute anisotropy and agreement before and after each correction, and RSA, for every layer."""
    return collect(_parts(run))


def _parts(run: Run) -> Iterator[Part]:
    for model, stimuli, space in spaces(run, "sentence"):
        card, human = run.card(stimuli), run.human(stimuli)
        about = {"model": model, "stimuli": stimuli}
        trials = space.trials if human is None else with_human(space.trials, human, card["factors"])
        for layer in space.layers:
            for name, row in _corrected(space, trials, layer, card, run.seed):
                yield name, about | {"layer": layer}, [row]
        yield "rsa", about, _rsa(space, card["language"], run.seed)


def _corrected(
    space: Space, trials: pd.DataFrame, layer: int, card: dict[str, Any], seed: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    texts, vectors = space.texts(layer)
    sentences, contexts = space.layers[layer]
    for name in (NONE, *CORRECTIONS):
        correct = (lambda table: table) if name == NONE else CORRECTIONS[name](vectors)
        mine = correct(vectors)
        known = {"correction": name}
        yield "anisotropy", known | {"anisotropy": anisotropy(mine), "dimensions": mine.shape[1], "n": len(texts)}
        if contexts is None:
            continue
        paired = trials.assign(value=compare(correct(contexts), correct(sentences), "cosine"))
        if RATING in card["human"]:
            one = correlation(paired["value"], paired[f"human_{RATING}"], kind="spearman", seed=seed, permutations=0)
            yield "human", known | {"estimate": one.r, "low": one.low, "high": one.high, "p": one.p, "n": one.n}
        if next(iter(card["factors"]), "") == "meaning":
            for row in preference_table(paired, card["factors"], "value"):
                yield "preference", known | row


def _rsa(space: Space, language: str, seed: int) -> Iterator[dict[str, Any]]:
    top = max(space.layers)
    texts, last = space.texts(top)
    chosen = slice(0, MOST_TEXTS)
    references = {
        "word overlap": 1 - overlap(texts[chosen], language),
        "the last layer": dissimilarity(last[chosen], "cosine"),
    }
    for layer in space.layers:
        mine = dissimilarity(space.texts(layer)[1][chosen], "cosine")
        for name, theirs in references.items():
            if layer == top and name == "the last layer":
                continue
            one = mantel(mine, theirs, seed=seed, permutations=PERMUTATIONS, resamples=RESAMPLES)
            yield {"layer": layer, "with": name, "estimate": one.estimate} | {
                "low": one.low, "high": one.high, "p": one.p, "n": one.n
            }  # fmt: skip


def figures(run: Run, tables: Tables) -> dict[str, Drawn]:
    """Draw anisotropy and RSA by layer, agreement with ratings by correction, and a matrix of similarities."""
    drawn: dict[str, Drawn] = {}
    for model, stimuli, space in spaces(run, "sentence"):
        name, mine = f"{stimuli}-{model}", select(tables, model=model, stimuli=stimuli)
        if len(space.layers) > 1:
            drawn[f"anisotropy-{name}"] = draw_anisotropy(mine["anisotropy"], model)
            drawn[f"rsa-{name}"] = draw_rsa(mine["rsa"], model)
            if "human" in mine:
                drawn[f"human-{name}"] = draw_corrected(mine["human"], model)
        drawn[f"matrix-{name}"] = draw_matrix(*space.texts(max(space.layers)), model)
    return drawn


def summary(run: Run, tables: Tables) -> dict[str, list[str]]:
    """Say in words what the last layer is like; every number comes from the tables."""
    say = {"anisotropy": prose.anisotropy, "human": prose.human, "preference": prose.preference, "rsa": prose.rsa}
    return paragraphs(tables, say)
