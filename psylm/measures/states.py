"""Hidden states: the vector of each word in its sentence, by layer, for probes."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pydantic import BaseModel, Field

from psylm.common.language import cut_spans, word_spans
from psylm.measures.embedding import Chosen, layer_numbers
from psylm.measures.registry import SCORE_COLUMNS, Arrays, measure
from psylm.measures.words import texts
from psylm.models.passages import Passage
from psylm.stimuli.regions import parse_regions

if TYPE_CHECKING:
    from psylm.models.base import LanguageModel


class StateOptions(BaseModel, extra="forbid"):
    """What can be chosen of `states`."""

    layer: Chosen | list[Chosen] = Field(
        default="all", description="a layer from 0 (the embeddings), last, all, static, or a list of these"
    )


@measure(
    "states",
    needs={"hidden_states"},
    options=StateOptions,
    gives=lambda options: ("state",),
    arrays=True,
    meaning="the vector of each word in its sentence, by layer, kept as arrays; the value is the last one's length",
)
def states(model: LanguageModel, trials: pd.DataFrame, options: StateOptions) -> tuple[pd.DataFrame, Arrays]:
    """Keep the hidden states of every word of a sentence; a word's state is the mean of its tokens'.

    Words are those of `surprisal`, divided where regions meet; the context before the sentence is read, too. A model
    that reads from left to right knows nothing of what follows the word.

    Parameters
    ----------
    model
        Any model with hidden states.
    trials
        Trials.
    options
        Layers.

    Returns
    -------
    DataFrame, dict
        A row a word, `state`: the Euclidean length of its vector in the last of the layers. Arrays `state` [words,
        layers, width] in 16 bits, words as in the table, and `state_layer` [layers], the layers' numbers (-1 for
        `static`).

    Raises
    ------
    InputError
        A word has no token of its own, or the model has no such layer.
    """
    from psylm.models.embedding import embed
    from psylm.models.hidden_states import layers_of

    layers = layer_numbers(model, options.layer)
    rows, passages, counts = [], [], []
    for trial, (text, shift) in zip(trials.to_dict("records"), texts(trials), strict=True):
        regions = parse_regions(trial["regions"])
        edges = sorted({edge for region in regions for edge in region[1:]})
        spans = cut_spans(word_spans(trial["sentence"], trial["language"]), edges)
        for number, (start, end) in enumerate(spans):
            name = next((region.name for region in regions if region.start <= start < region.end), "sentence")
            rows.append((trial["trial"], name, number, trial["sentence"][start:end]))
            passages.append(Passage(text, (shift + start, shift + end), trial["language"]))
        counts.append(len(spans))
    found = np.stack(list(embed(model, passages, layers=layers).values()), 1)  # [words, layers, width]
    table = pd.DataFrame(rows, columns=SCORE_COLUMNS[:4])
    table = table.assign(measure="state", value=np.linalg.norm(found[:, -1], axis=1).astype(float), note="")
    numbers = np.array([-1 if layer == "static" else layers_of(model) if layer == -1 else layer for layer in layers])
    arrays: Arrays = {"state": {}, "state_layer": {}}
    for place, (begin, end) in zip(trials["trial"].tolist(), pairwise([0, *accumulate(counts)]), strict=True):
        arrays["state"][place] = found[begin:end].astype(np.float16)
        arrays["state_layer"][place] = numbers
    return table[SCORE_COLUMNS], arrays
