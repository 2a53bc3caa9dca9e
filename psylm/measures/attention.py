"""Attention as selection: how much a word, or the place that predicts it, attends to which other words."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, Field

from psylm.attention.places import Look, look, query_only
from psylm.attention.scenes import scene, shuffled
from psylm.attention.selection import MEASURES, selection
from psylm.common.errors import Problem
from psylm.measures.registry import SCORE_COLUMNS, Arrays, measure
from psylm.models.attention_input import At
from psylm.stimuli.regions import parse_regions

if TYPE_CHECKING:
    from psylm.models.base import LanguageModel

Kind = Literal["weights", "rollout", "flow", "norm", "gradient", "integrated_gradients"]

SUFFIX: dict[Kind, str] = {
    "weights": "",
    "rollout": "_rollout",
    "flow": "_flow",
    "norm": "_norm",
    "gradient": "_gradient",
    "integrated_gradients": "_integrated_gradients",
}
"""What the names of measures end with."""

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


def available() -> bool:
    """Whether captum is installed."""
    return importlib.util.find_spec("captum") is not None


def missing(trials: pd.DataFrame, options: AttentionOptions) -> list[Problem]:
    """Find the regions that are named but that no trial has, and what is not installed."""
    there = sorted({region.name for regions in trials["regions"].unique() for region in parse_regions(regions)})
    expected = "one of " + ", ".join(there) if there else "a set with regions"
    named = {"query": options.query, "target": options.target, "distractor": options.distractor}
    problems = [
        Problem(f"attention.{option}", repr(name), expected)
        for option, name in named.items()
        if name is not None and name not in there
    ]
    if {"gradient", "integrated_gradients"} & set(options.kinds) and not available():
        problems.append(Problem("attention.kinds", "no captum", 'it installed: `pip install "psylm[probes]"`'))
    return problems


@measure(
    "attention",
    needs={"attention"},
    options=AttentionOptions,
    gives=lambda options: {f"attention_{name}{SUFFIX[kind]}" for kind in options.kinds for name in MEASURES},
    meaning="share of attention that target and distractor get from the query, its width in bits, its reach in words",
    arrays=True,
    check=missing,
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
        One row a measure, averaged over layers and heads (`rollout`: of the last layer): `attention_target`,
        `attention_distractor`, `attention_selectivity`, `attention_entropy` (bits), `attention_distance` (words),
        `attention_sink` and `attention_punctuation`, as `psylm.attention.selection.selection` defines them; of other
        kinds than `weights` with the kind's name at the end.
    arrays
        The same by layer and head [layers, heads] (`rollout`: [layers]; `flow`, `gradient`, `integrated_gradients`: a
        single value). With `maps` also `attention_map` [layers, heads, words, words] in 16 bits: row i is what word i
        gives to each, the rest of 1 goes to special tokens; where the query asks from a stream of its own or a decoder,
        the query's row only. And `attention_query` [layers, heads, words + 2], of other kinds with their name and
        shape: the query's own row, what special tokens get, and what the first token gets where it is not special;
        attributions with their sign, in nats. A trial without a value has no array.
    """
    looks: dict[int, Look | str] = {}
    for number, trial in zip(trials["trial"], trials.to_dict("records"), strict=True):
        there = scene(trial, options.query, options.target, options.distractor)
        if there is not None and options.shuffle is not None:
            there = shuffled(there, options.shuffle)
        looks[number] = NO_QUERY if there is None else look(model, there, options.at, maps=options.maps)
    arrays: Arrays = {}
    notes: dict[tuple[int, Kind], str] = {}
    wanted = {number: found for number, found in looks.items() if isinstance(found, Look)}
    numbers, present = list(wanted), list(wanted.values())
    for kind in options.kinds:
        for place, row, note in _kind(model, present, kind, options, numbers, arrays):
            number = numbers[place]
            notes[number, kind] = note
            if row is not None:
                _keep(arrays, number, kind, row, wanted[number], options)
    return pd.DataFrame(list(_rows(looks, arrays, notes, options)), columns=SCORE_COLUMNS), arrays


Rows = Iterator[tuple[int, np.ndarray | None, str]]
"""Number of a look, its query's attention to words [..., words + 2], and a note."""


def _kind(
    model: LanguageModel,
    looks: Sequence[Look],
    kind: Kind,
    options: AttentionOptions,
    numbers: Sequence[int],
    arrays: Arrays,
) -> Rows:
    """Yield what a kind takes for the query's attention."""
    from psylm.attention.attribution import attributions
    from psylm.attention.norm_based import weigh_by_norms
    from psylm.attention.reduce import to_words
    from psylm.attention.rollout import flow_rows, rollout_rows

    if kind == "weights":
        for place, reduced in to_words(model, looks):
            if options.maps:
                words = reduced[:, :, 1:] if len(looks[place].groups) > 1 else reduced
                arrays.setdefault("attention_map", {})[numbers[place]] = words[..., :-2].astype(np.float16)
            yield place, reduced[:, :, 0], ""
    elif kind == "norm":
        asked = [query_only(mine) for mine in looks]
        for place, reduced in to_words(model, asked, weigh_by_norms(model, asked)):
            yield place, reduced[:, :, 0], ""
    elif kind == "rollout" or kind == "flow":
        for place, row in (rollout_rows if kind == "rollout" else flow_rows)(
            model, [query_only(mine) for mine in looks]
        ):
            yield place, row, ""
    else:
        yield from attributions(model, [mine.scene for mine in looks], kind)


def _keep(arrays: Arrays, trial: int, kind: Kind, row: np.ndarray, look: Look, options: AttentionOptions) -> None:
    """Keep what a trial's query selects; attributions count by their absolute values."""
    attribution = kind in ("gradient", "integrated_gradients")
    seen = look.seen
    if attribution:
        seen = seen | (np.arange(len(seen)) == look.scene.query)
    if options.maps:
        arrays.setdefault(f"attention_query{SUFFIX[kind]}", {})[trial] = row.astype(np.float32)
    shares = np.abs(row) / np.abs(row[..., :-1]).sum(-1, keepdims=True) if attribution else row
    for name, values in selection(shares, look.scene, seen).items():
        if name in _chosen(options):
            arrays.setdefault(f"attention_{name}{SUFFIX[kind]}", {})[trial] = np.asarray(values, np.float32)


def _rows(
    looks: Mapping[int, Look | str],
    arrays: Arrays,
    notes: Mapping[tuple[int, Kind], str],
    options: AttentionOptions,
) -> Iterator[tuple[Any, ...]]:
    """Average arrays over layers and heads; say why where there is no value."""
    for (trial, found), kind in product(looks.items(), options.kinds):
        for name in _chosen(options):
            measure = f"attention_{name}{SUFFIX[kind]}"
            if isinstance(found, str):
                yield trial, options.query, -1, "", measure, math.nan, found
                continue
            values = arrays.get(measure, {}).get(trial, np.array(math.nan))
            if kind == "rollout":  # what comes out at the top has gone through all layers
                values = values[-1:]
            value = math.nan if np.isnan(values).all() else float(np.nanmean(values, dtype=float))
            note = "; ".join(filter(None, [_unseen(name, found), notes[trial, kind]]))
            yield trial, options.query, found.scene.number, found.scene.words[found.scene.query], measure, value, note


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
