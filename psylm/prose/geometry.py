"""Sentences of a results section about the space that a model's vectors span."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from psylm.prose.apa import interval, listing, number, p_value, sentence, share
from psylm.stats.similarity.geometry import NONE
from psylm.stats.similarity.spaces import STATIC


def _last(rows: pd.DataFrame) -> pd.DataFrame:
    last: pd.DataFrame = rows[rows["layer"] == rows["layer"].max()]
    return last


def anisotropy(rows: pd.DataFrame) -> Iterator[str]:
    """Say how anisotropic the last layer is, before and after corrections."""
    last = _last(rows).set_index("correction")
    parts = [f"{number(last['anisotropy'][name], bounded=True)} after {name}" for name in last.index if name != NONE]
    yield (
        f"In the last layer, the mean cosine of all pairs of the {int(last['n'].max())} texts was "
        f"{number(last['anisotropy'][NONE], bounded=True)}, {listing(parts)} ({int(last['dimensions']['whitening'])} "
        "dimensions)."
    )


def human(rows: pd.DataFrame) -> Iterator[str]:
    """Say how the last layer agrees with people's ratings, before and after corrections."""
    parts = [
        f"{number(row['estimate'], bounded=True)}, {interval(row['low'], row['high'], bounded=True)}, "
        f"{'without correction' if row['correction'] == NONE else 'after ' + row['correction']}"
        for row in _last(rows).to_dict("records")
    ]
    yield f"Spearman’s ρ with people's ratings was {listing(parts, ';')}."


def preference(rows: pd.DataFrame) -> Iterator[str]:
    """Say how often what means the same is more similar in the last layer, before and after corrections."""
    last = _last(rows)
    for comparison, some in last.groupby("comparison", sort=False):
        parts = [
            f"{share(row['estimate'], row['low'], row['high'])}, "
            f"{'without correction' if row['correction'] == NONE else 'after ' + row['correction']}"
            for row in some.to_dict("records")
        ]
        yield sentence(f"{comparison}: {listing(parts, ';')}, of {int(some['n'].max())} items")


def rsa(rows: pd.DataFrame) -> Iterator[str]:
    """Say how the first and the last layer's distances go with word overlap, and with those of the last layer."""
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
