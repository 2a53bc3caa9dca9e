"""Sentences of a results section about the similarity of texts."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from psylm.prose import conditions as of_conditions
from psylm.prose.apa import listing, number, sentence, share
from psylm.prose.conditions import means
from psylm.prose.human import correlations
from psylm.stats.similarity.rated import SIGNS

NAMES = {"similarity": "cosine similarity", "dot_product": "dot product", "euclidean_distance": "Euclidean distance"}


def conditions(rows: pd.DataFrame) -> Iterator[str]:
    """Say how similar the texts of each condition are in the last layer, by one measure."""
    last, name = _last(rows)
    yield from means(last, name, "")


def contrasts(rows: pd.DataFrame) -> Iterator[str]:
    """Say which conditions differ in the similarity of their texts in the last layer."""
    last, name = _last(rows)
    yield from of_conditions.contrasts(last, name, "")


def preference(rows: pd.DataFrame) -> Iterator[str]:
    """Say how often texts that mean the same are more similar than texts that do not, in the last layer."""
    last, name = _last(rows)
    parts = [
        f"{row['comparison']} in {share(row['estimate'], row['low'], row['high'])}" for row in last.to_dict("records")
    ]
    yield sentence(f"by {name}, pairs stood {listing(parts, ';')} of {int(last['n'].max())} items")


def ratings(rows: pd.DataFrame) -> Iterator[str]:
    """Say how the last layer agrees with people's ratings, and which layer agrees best."""
    last, _ = _last(rows)
    yield from correlations(last)
    if rows["layer"].nunique() > 1:
        ranks = rows[rows["coefficient"] == "spearman"].sort_values("estimate")
        best = ranks.iloc[-1 if SIGNS[str(rows["measure"].iloc[0])] > 0 else 0]
        layer = "the embedding matrix" if best["layer"] == -1 else f"layer {best['layer']}"
        yield f"Of all layers, {layer} agreed best with people (ρ = {number(best['estimate'], bounded=True)})."


def _last(rows: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Return the rows of the last layer, with the measure's name in words, and that name."""
    name = NAMES[str(rows["measure"].iloc[0])]
    return rows[rows["layer"] == rows["layer"].max()].assign(measure=name), name
