"""Embeddings: the vectors of sentences, or of words in them, by layer."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, Field

from psylm.common.errors import Problem
from psylm.measures.registry import SCORE_COLUMNS, Arrays, measure
from psylm.models.passages import Layer, Passage, Pooling
from psylm.stimuli.tables import target_starts

if TYPE_CHECKING:
    from psylm.models.base import LanguageModel

STATIC = -1
"""What stands for the static layer where layers are numbers."""

Chosen = Annotated[int, Field(ge=0)] | Literal["last", "all", "static"]


class EmbeddingOptions(BaseModel, extra="forbid"):
    """What can be chosen of `embedding`."""

    unit: Literal["sentence", "target"] = Field(
        default="sentence", description="the text's vector, or the target's in its text: the mean of its tokens"
    )
    pooling: Pooling = Field(default="model", description="model, mean, cls, max, weighted, last or sif")
    layer: Chosen | list[Chosen] = Field(
        default="last", description="a layer from 0, last, all, static (the embedding matrix), or a list of these"
    )
    prompt: str | None = Field(default=None, description="what is put before every text; the model's own by default")


def layer_numbers(model: LanguageModel, chosen: Chosen | list[Chosen]) -> list[Layer]:
    """Return the layers that were chosen, the last one as -1 where it is the only one above the embedding matrix."""
    from psylm.models.hidden_states import layers_of

    listed = chosen if isinstance(chosen, list) else [chosen]
    if all(one in ("last", "static") for one in listed):
        return [-1 if one == "last" else "static" for one in dict.fromkeys(listed)]
    top = layers_of(model)
    several: list[Layer] = []
    for one in listed:
        several += range(top + 1) if one == "all" else [top if one == "last" else one]
    return list(dict.fromkeys(several))


def passages(trials: pd.DataFrame, column: Literal["context", "sentence"], unit: str) -> list[Passage]:
    """Return the texts of a column of trials, or the target's places in them."""
    found = []
    for text, target, start, sentence, language in zip(
        trials[column], trials["target"], trials["start"], trials["sentence"], trials["language"], strict=True
    ):
        if unit == "sentence":
            found.append(Passage(text, None, language))
            continue
        at = start if text == sentence else target_starts(text, target, language)[0]
        found.append(Passage(text, (at, at + len(target)), language))
    return found


def target_problems(trials: pd.DataFrame, options: EmbeddingOptions) -> list[Problem]:
    """Find trials without a target, where targets are wanted."""
    if options.unit == "sentence":
        return []
    return [
        Problem(_place(row), "no target", "a target, since the unit is the target")
        for row in trials[trials["target"] == ""].to_dict("records")
    ]


def context_problems(trials: pd.DataFrame, options: EmbeddingOptions) -> list[Problem]:
    """Find trials that are not pairs of texts, or whose target is not in both once."""
    problems = target_problems(trials, options)
    for row in trials.to_dict("records"):
        if row["context"] == "":
            problems.append(Problem(_place(row), "no context", "two texts, context and sentence, to compare"))
        elif options.unit == "target" and row["target"]:
            count = len(target_starts(row["context"], row["target"], row["language"]))
            if count != 1:
                problems.append(Problem(_place(row), f"{row['target']!r} {count} times in the context", "once"))
    return problems


def _place(row: dict[Hashable, Any]) -> str:
    return f"item {row['item']}" + (f", condition {row['condition']}" if row["condition"] else "")


@measure(
    "embedding",
    needs={"hidden_states"},
    options=EmbeddingOptions,
    check=target_problems,
    arrays=True,
    meaning="the vector of a sentence or of the target in it, by layer, kept as arrays; the value is its length",
)
def embedding(model: LanguageModel, trials: pd.DataFrame, options: EmbeddingOptions) -> tuple[pd.DataFrame, Arrays]:
    """Keep the vectors of each trial's sentence, and of its context where there is one.

    Parameters
    ----------
    model
        Any model with hidden states.
    trials
        Trials. Context and sentence are read apart.
    options
        Unit, pooling and layers.

    Returns
    -------
    DataFrame, dict
        A row a layer, whose number is `word_id` (-1 for `static`): the Euclidean length of the sentence's vector.
        Arrays `embedding` and `embedding_context` [layers, width], and `embedding_static` and
        `embedding_static_context` [width]; for the unit `target`, those of contexts in which the target stands once.
    """
    from psylm.models.embedding import embed

    layers = layer_numbers(model, options.layer)
    arrays: Arrays = {}
    lengths: dict[Layer, np.ndarray] = {}
    for column in ("sentence", "context"):
        mine = trials if column == "sentence" else trials[_comparable(trials, options.unit)]
        if mine.empty:
            continue
        asked = passages(mine, column, options.unit)
        found = embed(model, asked, layers=layers, pooling=options.pooling, prompt=options.prompt)
        ending = "" if column == "sentence" else "_context"
        deep = [vectors for layer, vectors in found.items() if layer != "static"]
        if deep:
            arrays[f"embedding{ending}"] = dict(zip(mine["trial"].tolist(), np.stack(deep, 1), strict=True))
        if "static" in found:
            arrays[f"embedding_static{ending}"] = dict(zip(mine["trial"].tolist(), found["static"], strict=True))
        if column == "sentence":
            lengths = {layer: np.linalg.norm(vectors, axis=1) for layer, vectors in found.items()}
    values = {("embedding", layer): column for layer, column in lengths.items()}
    return layer_table(model, trials, options.unit, options.pooling, values), arrays


def _comparable(trials: pd.DataFrame, unit: str) -> list[bool]:
    """Whether each trial has a context; for the unit `target`, one in which the target stands once."""
    columns = zip(trials["context"], trials["target"], trials["language"], strict=True)
    return [
        context != "" and (unit == "sentence" or len(target_starts(context, target, language)) == 1)
        for context, target, language in columns
    ]


def layer_table(
    model: LanguageModel,
    trials: pd.DataFrame,
    region: str,
    pooling: str,
    values: dict[tuple[str, Layer], np.ndarray],
) -> pd.DataFrame:
    """Return values by layer as a measure's table: a row a trial, measure and layer, whose number is `word_id`."""
    from psylm.models.hidden_states import layers_of

    top = layers_of(model) if any(layer == -1 for _, layer in values) else -1
    parts: Sequence[pd.DataFrame] = [
        pd.DataFrame(
            {
                "trial": trials["trial"].to_numpy(),
                "region": region,
                "word_id": STATIC if layer == "static" else top if layer == -1 else layer,
                "word": pooling,
                "measure": name,
                "value": column.astype(float),
                "note": "",
            }
        )
        for (name, layer), column in values.items()
    ]
    return pd.concat(parts)[SCORE_COLUMNS]
