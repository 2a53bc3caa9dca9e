"""Attention as selection: how much a word, or the place that predicts it, attends to which other words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, Field

from psylm.attention.places import Look, look
from psylm.attention.reduce import to_words
from psylm.attention.scenes import At, scene, shuffled
from psylm.attention.selection import MEASURES, selection
from psylm.errors import Problem
from psylm.measures.registry import SCORE_COLUMNS, Arrays, measure
from psylm.models.base import LanguageModel
from psylm.stimuli.regions import parse_regions

Kind = Literal["weights"]

NO_QUERY = "no query region in this trial"
UNSEEN = "the model cannot see it from the query"


class AttentionOptions(BaseModel, extra="forbid"):
    """What can be chosen of `attention`."""

    query: str = Field(description="the region whose first word asks")
    target: str = Field(description="the region that is to be selected")
    distractor: str | None = Field(default=None, description="the region that competes with it")
    at: At = Field(
        default="prediction", description="look at the place that predicts the query word, or at the word itself"
    )
    kinds: Annotated[list[Kind], Field(min_length=1)] = Field(
        default=["weights"], description="what is taken for attention"
    )
    maps: bool = Field(default=False, description="keep the maps between all words, as arrays")
    shuffle: int | None = Field(
        default=None, ge=0, description="seed to shuffle the words of the sentence with: a control"
    )


def missing_regions(trials: pd.DataFrame, options: AttentionOptions) -> list[Problem]:
    """Find the regions that are named but that no trial has."""
    there = sorted({region.name for regions in trials["regions"].unique() for region in parse_regions(regions)})
    expected = "one of " + ", ".join(there) if there else "a set with regions"
    named = {"query": options.query, "target": options.target, "distractor": options.distractor}
    return [
        Problem(f"attention.{option}", repr(name), expected)
        for option, name in named.items()
        if name is not None and name not in there
    ]


@measure(
    "attention",
    families={"causal", "masked", "permuted", "seq2seq"},
    options=AttentionOptions,
    meaning="share of attention that target and distractor get from the query, its width in bits, its reach in words",
    arrays=True,
    check=missing_regions,
)
def attention(model: LanguageModel, trials: pd.DataFrame, options: AttentionOptions) -> tuple[pd.DataFrame, Arrays]:
    """Measure what the query's attention selects, in each layer and head.

    Attention between tokens becomes attention between words: summed over the tokens of the word attended to, averaged
    over the tokens that attend. Words are the text's own; punctuation stands apart from them.

    Parameters
    ----------
    model
        A model with attention.
    trials
        Trials with regions.
    options
        Regions, and what is taken for attention.

    Returns
    -------
    table
        One row a measure, averaged over layers and heads: `attention_target`, `attention_distractor`,
        `attention_selectivity`, `attention_entropy` (bits), `attention_distance` (words), `attention_sink` and
        `attention_punctuation`, as `psylm.attention.selection.selection` defines them.
    arrays
        The same by layer and head [layers, heads], and with `maps` `attention_map` [layers, heads, words, words] in
        16 bits: row i is what word i gives to each, the rest of 1 goes to special tokens. Where the query asks from a
        stream of its own or a decoder it has the query's row only. `attention_query` [layers, heads, words + 2] is the
        query's own row, what special tokens get, and what the first token gets where it is not special. A trial without
        a value has no array.
    """
    looks: dict[int, Look | str] = {}
    for number, trial in zip(trials["trial"], trials.to_dict("records"), strict=True):
        there = scene(trial, options.query, options.target, options.distractor)
        if there is not None and options.shuffle is not None:
            there = shuffled(there, options.shuffle)
        looks[number] = NO_QUERY if there is None else look(model, there, options.at, maps=options.maps)
    arrays: Arrays = {}
    wanted = {number: found for number, found in looks.items() if isinstance(found, Look)}
    numbers = list(wanted)
    for place, reduced in to_words(model, list(wanted.values())):
        number, mine = numbers[place], wanted[numbers[place]]
        for name, values in selection(reduced[:, :, 0], mine.scene, mine.seen).items():
            if name in _chosen(options):
                arrays.setdefault(f"attention_{name}", {})[number] = values.astype(np.float32)
        if options.maps:
            words = reduced[:, :, 1:] if len(mine.groups) > 1 else reduced
            arrays.setdefault("attention_map", {})[number] = words[..., :-2].astype(np.float16)
            arrays.setdefault("attention_query", {})[number] = reduced[:, :, 0]
    return pd.DataFrame(list(_rows(looks, arrays, options)), columns=SCORE_COLUMNS), arrays


def _rows(looks: Mapping[int, Look | str], arrays: Arrays, options: AttentionOptions) -> Iterator[tuple[Any, ...]]:
    """Average arrays over layers and heads; say why where there is no value."""
    for trial, found in looks.items():
        for name in _chosen(options):
            measure = f"attention_{name}"
            if isinstance(found, str):
                yield trial, options.query, -1, "", measure, math.nan, found
                continue
            values, there = arrays[measure][trial], found.scene
            value = math.nan if np.isnan(values).all() else float(np.nanmean(values, dtype=float))
            yield trial, options.query, there.number, there.words[there.query], measure, value, _unseen(name, found)


def _chosen(options: AttentionOptions) -> list[str]:
    return [name for name in MEASURES if options.distractor or name not in ("distractor", "selectivity")]


def _unseen(name: str, look: Look) -> str:
    """Say which region of a measure there is nothing of."""
    parts = {"target": ["target"], "distractor": ["distractor"], "selectivity": ["target", "distractor"]}.get(name, [])
    for part in parts:
        words: np.ndarray = getattr(look.scene, part)
        if not words.any():
            return f"no {part} region in this trial"
        if not (words & look.seen).any():
            return f"{part}: {UNSEEN}"
    return ""
