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
from matplotlib.figure import Figure

from psylm.figures.similarity import layer_curves, similarity_matrix
from psylm.figures.style import SINGLE, new_figure, styled
from psylm.measures.similarity import compare
from psylm.prose.apa import interval, listing, number, p_value, sentence, share
from psylm.report.analyses import Drawn
from psylm.runs.run import Run
from psylm.stats.human.agreement import with_human
from psylm.stats.inference.correlation import correlation
from psylm.stats.inference.rsa import dissimilarity, mantel
from psylm.stats.similarity.geometry import CORRECTIONS, anisotropy
from psylm.stats.similarity.overlap import overlap
from psylm.stats.similarity.preference import preference_table
from psylm.stats.similarity.spaces import STATIC, Space, spaces

REQUIRES = ("embedding",)

NONE = "none"
RATING = "similarity"
MOST_TEXTS = 120
"""Texts that RSA is done on, at most: the first ones. The number of pairs grows with their square."""

DRAWN_TEXTS = 20
PERMUTATIONS, RESAMPLES = 999, 500


def tables(run: Run) -> dict[str, pd.DataFrame]:
    """Compute anisotropy and agreement before and after each correction, and RSA, for every layer."""
    found: dict[str, list[dict[str, Any]]] = {}
    for model, stimuli, space in spaces(run, "sentence"):
        card = run.card(stimuli)
        human = run.human(stimuli)
        trials = space.trials if human is None else with_human(space.trials, human, card["factors"])
        for layer in space.layers:
            about = {"model": model, "stimuli": stimuli, "layer": layer}
            for name, row in _corrected(space, trials, layer, card, run.manifest["seed"]):
                found.setdefault(name, []).append(about | row)
        found.setdefault("rsa", []).extend(
            {"model": model, "stimuli": stimuli} | row for row in _rsa(space, card["language"], run.manifest["seed"])
        )
    return {name: pd.DataFrame(rows) for name, rows in found.items() if rows}


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


def figures(run: Run, tables: dict[str, pd.DataFrame]) -> dict[str, Drawn]:
    """Draw anisotropy and RSA by layer, agreement with ratings by correction, and a matrix of similarities."""
    drawn: dict[str, Drawn] = {}
    for model, stimuli, space in spaces(run, "sentence"):
        name = f"{stimuli}-{model}"
        mine = {key: table[(table["model"] == model) & (table["stimuli"] == stimuli)] for key, table in tables.items()}
        if len(space.layers) > 1:
            drawn[f"anisotropy-{name}"] = _draw_anisotropy(mine["anisotropy"], model)
            drawn[f"rsa-{name}"] = _draw_rsa(mine["rsa"], model)
        if len(mine.get("human", [])) and len(space.layers) > 1:
            drawn[f"human-{name}"] = _draw_human(mine["human"], model)
        drawn[f"matrix-{name}"] = _draw_matrix(space, model)
    return drawn


def _draw_anisotropy(table: pd.DataFrame, model: str) -> Drawn:
    rows = table.assign(estimate=table["anisotropy"], low=table["anisotropy"], high=table["anisotropy"])
    return Drawn(
        _curves(rows, "correction", "Anisotropy (mean cosine of all pairs)", "correction"),
        f"Anisotropy by layer, {model}: the mean cosine of all pairs of different texts, 0 where no direction is "
        f"preferred; before and after corrections that were fitted on these texts. n = {int(rows['n'].max())} texts.",
    )


def _draw_rsa(table: pd.DataFrame, model: str) -> Drawn:
    return Drawn(
        _curves(table, "with", "RSA (Spearman's ρ)", "distances compared with"),
        f"Representational similarity by layer, {model}: correlation of the cosine distances of texts with the share "
        f"of words that they do not have in common (Jaccard), and with the distances in the last layer; 95% intervals "
        f"(BCa bootstrap of texts). n = {int(table['n'].max())} texts.",
    )


def _draw_human(table: pd.DataFrame, model: str) -> Drawn:
    return Drawn(
        _curves(table, "correction", "Correlation with human ratings (ρ)", "correction"),
        f"Spearman's correlation of the cosine with people's ratings by layer and correction, {model}, with 95% "
        f"intervals (BCa bootstrap of items). n = {int(table['n'].max())} pairs.",
    )


def _curves(table: pd.DataFrame, group: str, label: str, title: str) -> Figure:
    """Draw curves over layers in a figure of their own, the legend above it."""
    figure, panels = new_figure(SINGLE, 2.4)
    axes = layer_curves(table, group, axes=panels[0])
    axes.set_ylabel(label)
    figure.legend(*axes.get_legend_handles_labels(), title=title, loc="outside upper center", ncols=3)
    return figure


def _draw_matrix(space: Space, model: str) -> Drawn:
    texts, vectors = space.texts(max(space.layers))
    chosen = texts[:DRAWN_TEXTS]
    labels = [text if len(text) <= 48 else text[:47] + "…" for text in chosen]
    with styled():
        axes = similarity_matrix(1 - dissimilarity(vectors[:DRAWN_TEXTS], "cosine"), labels)
    figure = axes.get_figure()
    return Drawn(
        figure,  # type: ignore[arg-type]
        f"Cosines of the first {len(chosen)} texts of the set in the last layer, {model}; similar texts stand next to "
        f"one another (average linkage). Rows and columns have the same order.",
    )


def summary(run: Run, tables: dict[str, pd.DataFrame]) -> dict[str, list[str]]:
    """Say in words what the last layer is like; every number comes from the tables."""
    said: dict[str, list[str]] = {}
    for name, tell in (("anisotropy", _say_anisotropy), ("human", _say_human), ("preference", _say_preference),
                       ("rsa", _say_rsa)):  # fmt: skip
        for (model, stimuli), rows in tables.get(name, pd.DataFrame({"model": [], "stimuli": []})).groupby(
            ["model", "stimuli"], sort=False
        ):
            said.setdefault(f"{model} on {stimuli}", []).extend(tell(rows))
    return said


def _last(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["layer"] == rows["layer"].max()]


def _say_anisotropy(rows: pd.DataFrame) -> Iterator[str]:
    last = _last(rows).set_index("correction")
    parts = [f"{number(last['anisotropy'][name], bounded=True)} after {name}" for name in last.index if name != NONE]
    yield (
        f"In the last layer, the mean cosine of all pairs of the {int(last['n'].max())} texts was "
        f"{number(last['anisotropy'][NONE], bounded=True)}, {listing(parts)} ({int(last['dimensions']['whitening'])} "
        "dimensions)."
    )


def _say_human(rows: pd.DataFrame) -> Iterator[str]:
    parts = [
        f"{number(row['estimate'], bounded=True)}, {interval(row['low'], row['high'], bounded=True)}, "
        f"{'without correction' if row['correction'] == NONE else 'after ' + row['correction']}"
        for row in _last(rows).to_dict("records")
    ]
    yield f"Spearman’s ρ with people's ratings was {listing(parts, ';')}."


def _say_preference(rows: pd.DataFrame) -> Iterator[str]:
    last = _last(rows)
    for comparison, some in last.groupby("comparison", sort=False):
        parts = [
            f"{share(row['estimate'], row['low'], row['high'])}, "
            f"{'without correction' if row['correction'] == NONE else 'after ' + row['correction']}"
            for row in some.to_dict("records")
        ]
        yield sentence(f"{comparison}: {listing(parts, ';')}, of {int(some['n'].max())} items")


def _say_rsa(rows: pd.DataFrame) -> Iterator[str]:
    for name, some in rows.groupby("with", sort=False):
        ends = some[some["layer"].isin([some["layer"].min(), some["layer"].max()])].sort_values("layer")
        parts = [
            f"{number(row['estimate'], bounded=True)}, {interval(row['low'], row['high'], bounded=True)}, "
            f"{p_value(row['p'])}, in {_layer(row['layer'])}"
            for row in ends.to_dict("records")
        ]
        yield f"The distances of texts correlated with {name}: ρ = {listing(parts, ';')} (Mantel tests)."


def _layer(layer: int) -> str:
    return "the embedding matrix" if layer == STATIC else f"layer {layer}"
