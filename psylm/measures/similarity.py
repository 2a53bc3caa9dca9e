"""Similarity of two texts, or of a word in two texts: between their vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from psylm.measures.embedding import EmbeddingOptions, context_problems, layer_numbers, layer_table, passages
from psylm.measures.registry import measure

if TYPE_CHECKING:
    import pandas as pd

    from psylm.models.base import LanguageModel

Metric = Literal["cosine", "dot", "euclidean"]

NAMES = {"cosine": "similarity", "dot": "dot_product", "euclidean": "euclidean_distance"}
"""What the results call each metric."""


class SimilarityOptions(EmbeddingOptions):
    """What can be chosen of `similarity`."""

    metric: Metric | list[Metric] = Field(
        default="cosine", description="cosine, dot, euclidean (a distance), or a list"
    )


def _metrics(options: SimilarityOptions) -> list[Metric]:
    return options.metric if isinstance(options.metric, list) else [options.metric]


@measure(
    "similarity",
    needs={"hidden_states"},
    options=SimilarityOptions,
    gives=lambda options: {NAMES[one] for one in _metrics(options)},
    check=context_problems,
    meaning="similarity of a trial's context and sentence, or of the target in both: cosine of their vectors, by layer",
)
def similarity(model: LanguageModel, trials: pd.DataFrame, options: SimilarityOptions) -> pd.DataFrame:
    """Compare the two texts of each trial: its context and its sentence, each read by itself.

    Parameters
    ----------
    model
        Any model with hidden states.
    trials
        Trials with a context; for the unit `target`, with a target that stands in the context once too.
    options
        Unit, pooling, layers and metric.

    Returns
    -------
    DataFrame
        A row a layer, whose number is `word_id` (-1 for `static`), and metric: `similarity` (the cosine),
        `dot_product`, `euclidean_distance`. The column `word` names the pooling.

    References
    ----------
    Reimers & Gurevych (2019), Sentence-BERT: Sentence embeddings using Siamese BERT-networks, EMNLP.
    """
    from psylm.models.embedding import embed

    layers = layer_numbers(model, options.layer)
    both = [*passages(trials, "context", options.unit), *passages(trials, "sentence", options.unit)]
    found = embed(model, both, layers=layers, pooling=options.pooling, prompt=options.prompt)
    values = {
        (NAMES[metric], layer): compare(vectors[: len(trials)], vectors[len(trials) :], metric)
        for layer, vectors in found.items()
        for metric in dict.fromkeys(_metrics(options))
    }
    return layer_table(model, trials, options.unit, options.pooling, values)


def compare(first: np.ndarray, second: np.ndarray, metric: Metric) -> np.ndarray:
    """Compare vectors row by row.

    Parameters
    ----------
    first, second
        Vectors [pairs, width].
    metric
        `cosine`, `dot` or `euclidean`.

    Returns
    -------
    ndarray [pairs]
        The cosine is 0 where a vector has no length.

    Examples
    --------
    >>> compare(np.array([[3.0, 4.0]]), np.array([[4.0, 3.0]]), "cosine").round(2).tolist()
    [0.96]
    """
    first, second = first.astype(float), second.astype(float)
    if metric == "euclidean":
        return np.asarray(np.linalg.norm(first - second, axis=1))
    dot = np.asarray((first * second).sum(1))
    if metric == "dot":
        return dot
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return np.asarray(np.divide(dot, lengths, out=np.zeros_like(dot), where=lengths > 0))
