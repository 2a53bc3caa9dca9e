"""Vectors that a run kept, by layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from psylm.runs.run import Run

STATIC = -1
"""The number of the layer that is the embedding matrix itself."""


@dataclass(frozen=True)
class Space:
    """The vectors of one model for one set, by layer.

    Parameters
    ----------
    trials
        Items and conditions, in the order of the vectors.
    layers
        For each layer, vectors of the sentences and, where the set has pairs, of the contexts [trials, width].
    """

    trials: pd.DataFrame
    layers: dict[int, tuple[np.ndarray, np.ndarray | None]]

    def texts(self, layer: int) -> tuple[list[str], np.ndarray]:
        """Return each text once, those of an item together, with its vector."""
        sentences, contexts = self.layers[layer]
        seen: dict[str, np.ndarray] = {}
        for number, (context, sentence) in enumerate(zip(self.trials["context"], self.trials["sentence"], strict=True)):
            if contexts is not None:
                seen.setdefault(context, contexts[number])
            seen.setdefault(sentence, sentences[number])
        return list(seen), np.stack(list(seen.values()))


def spaces(run: Run, unit: str | None = None) -> Iterator[tuple[str, str, Space]]:
    """Yield models, sets, and the vectors that the measure `embedding` kept of them.

    Parameters
    ----------
    run
        The run.
    unit
        Only vectors of this unit: `sentence` or `target`.
    """
    for model, stimuli in run.grid():
        rows = run.scores(model=model, stimuli=stimuli, measure="embedding")
        if rows.empty or unit not in (None, rows["region"].iloc[0]):
            continue
        first = rows[(rows["item"] == rows["item"].iloc[0]) & (rows["condition"] == rows["condition"].iloc[0])]
        deep = [int(layer) for layer in first["word_id"] if layer != STATIC]
        there, items = set(run.array_names()), run.items(stimuli)
        paired = bool((items["context"] != "").all())
        layers: dict[int, tuple[np.ndarray, np.ndarray | None]] = {}
        for name, numbers in (("embedding_static", [STATIC]), ("embedding", deep)):
            if name not in there or (name == "embedding_static" and STATIC not in set(first["word_id"])):
                continue
            trials, sentences = run.stacked(name, model=model, stimuli=stimuli)
            contexts = run.stacked(f"{name}_context", model=model, stimuli=stimuli)[1] if paired else None
            for place, layer in enumerate(numbers):
                pick: Any = slice(None) if layer == STATIC else (slice(None), place)
                layers[layer] = (sentences[pick], None if contexts is None else contexts[pick])
        yield model, stimuli, Space(trials.merge(items, on=["item", "condition"]), layers)
