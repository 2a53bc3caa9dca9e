"""What a loaded model scores through psylm, against its network's own forward pass over one text at a time."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from psylm.models.base import LanguageModel
from psylm.models.hidden_states import state_batches
from psylm.models.query import Distributions, Query

BIT = math.log(2)

TOLERANCE = 1e-4
"""Bits by which scores of a tiny model in float32 may differ where nothing but rounding differs."""

ROUNDING = 5e-3
"""The same of a model of many layers, which adds up more of it: with SmolLM2, 0.001 bits in texts drawn at random. The
smallest fault that was found in an architecture was 20 times as large."""

LONGEST = 1024
"""Tokens of the longest text that is compared."""

LOCAL_WINDOWS = frozenset(
    [
        "sliding_window",
        "window_size",
        "attention_window",
        "attention_window_size",
        "local_attention",
        "attention_chunk_size",
        "local_attn_chunk_length",
        "lsh_attn_chunk_length",
        "block_size",
        "chunk_size",
        "keep_window_size",
        "local_radius",
        "mamba_chunk_size",
        "global_block_size",
        "index_topk",
    ]
)
"""Keys of a configuration that say how far attention reaches, or how much is computed at a time."""

PLACES = 6
"""Places of a text at which it is compared with the text cut off there."""


@dataclass(frozen=True)
class Agreement:
    """How far psylm's scores of some texts are from the network's own.

    Parameters
    ----------
    case
        `alone`, `together` (batched with padding), `shared beginnings`, `longest`, or `left to right`.
    texts, longest
        How many texts, and the tokens of the longest.
    largest
        Largest absolute difference of a token's log-probability or of a distribution's entropy, in bits; of an encoder,
        of a state relative to the largest state. NaN where a value is not a number.

    Examples
    --------
    >>> Agreement("alone", 3, 12, 2e-6).within(), Agreement("together", 3, 12, float("nan")).within()
    (True, False)
    """

    case: str
    texts: int
    longest: int
    largest: float

    def within(self, tolerance: float = TOLERANCE) -> bool:
        """Whether nothing but rounding differs."""
        return self.largest <= tolerance


def compare(model: LanguageModel, *, longest: int = LONGEST) -> list[Agreement]:
    """Score random texts with a model in several companies, and compare with `transformers`.

    Parameters
    ----------
    model
        A model that `transformers` loads.
    longest
        Tokens of the longest text; texts reach the model's window where that is shorter.

    Returns
    -------
    list of Agreement
        One a case. The texts are below, at and over every window that the configuration names, and as long as the
        model's own window allows; some begin alike.
    """
    texts = texts_for(model, longest)
    with torch.inference_mode():
        if not model.traits.predicts:
            return [_states(model, case, some) for case, some in texts.items()]
        return list(_scores(model, texts))


def shares_beginnings(model: LanguageModel) -> bool:
    """Whether texts that begin alike are read in one row."""
    if not model.left_to_right:
        return False
    queries = [query for text in texts_for(model)["shared beginnings"] for query in _queries(model, text)]
    with torch.inference_mode():
        return any(row.branches for row in model._rows(queries))


def texts_for(model: LanguageModel, longest: int = LONGEST) -> dict[str, list[tuple[int, ...]]]:
    """Return random texts, as tokens, by case."""
    draw = random.Random(7)
    special = set(model.tokenizer.fast.all_special_ids)
    ordinary = [identity for identity in range(len(model.tokenizer)) if identity not in special]
    room = room_of(model)
    longest = min(room, longest)
    reach = sorted({size for size in local_windows(model.network.config) if 2 <= size < longest - 3})
    around = {n for size in reach[:2] + reach[-1:] for n in (size - 1, size, size + 1, 2 * size + 3) if 1 < n < longest}
    lengths = [n for n in (2, 3, 5, 9, 14, *sorted(around)) if n <= longest]

    def text(length: int) -> tuple[int, ...]:
        return tuple(draw.choices(ordinary, k=length))

    begun = min(max(longest // 2, 1), 24)
    common = text(begun)
    return {
        "together": [text(length) for length in lengths],
        "shared beginnings": [(*common[:n], *text(m)) for n, m in SHARES if begun + m <= longest and n <= begun],
        "longest": [text(longest), text(longest - 1), text(longest - 1)],
    }


SHARES = ((24, 2), (24, 5), (24, 5), (24, 9), (12, 4), (4, 3), (6, 3), (6, 2))
"""Tokens that texts begin alike with, and tokens that they go on with."""


def room_of(model: LanguageModel) -> int:
    """Return the tokens of the longest text that a model reads at a time, special tokens apart."""
    window = model.info.window or model.window
    begun = len(model.sequence(()))
    decoded = 2 + len(model.tokenizer.around[0]) if model.traits.source_apart else 0
    return int(window) - max(begun, decoded) - (1 if model.traits.source_apart else 0)


def local_windows(config: Any) -> Iterator[int]:
    """Yield the sizes that a configuration, or a part of it, names for local attention and computation in chunks."""
    for key, value in vars(config).items():
        if key in LOCAL_WINDOWS:
            yield from (size for size in (value if isinstance(value, list) else [value]) if isinstance(size, int))
        elif hasattr(value, "model_type"):
            yield from local_windows(value)


def _scores(model: LanguageModel, texts: dict[str, list[tuple[int, ...]]]) -> Iterator[Agreement]:
    own = cache(lambda query: _own(model, query))

    def agreement(case: str, asked: Sequence[Query], mine: Sequence[np.ndarray]) -> Agreement:
        apart = [np.abs(one - own(query)).max() for one, query in zip(mine, asked, strict=True) if query.at]
        return Agreement(case, len(asked), max(len(query.ids) for query in asked), float(np.max(apart)) / BIT)

    alone = [query for text in texts["together"] for query in _queries(model, text)]
    yield agreement("alone", alone, [model.predict([query], _values)[0] for query in alone])
    for case, some in texts.items():
        asked = [query for text in some for query in _queries(model, text)]
        yield agreement(case, asked, model.predict(asked, _values))
    if model.left_to_right:
        yield _left_to_right(model, texts["together"][-3:] + texts["longest"][:1])


def _queries(model: LanguageModel, text: tuple[int, ...]) -> list[Query]:
    """Ask for every token of a short text and for some of a long one, each a word, and for a blank."""
    words = [(at, at + 1) for at in range(len(text))]
    if model.left_to_right:
        return model.word_queries(text, words)[0]
    middle = len(text) // 2
    few = [words[0], (middle, min(middle + 2, len(text))), words[-1]] if middle > 1 else words[:1]
    queries = model.word_queries(text, few)[0]
    if model.hiding == "later":
        queries += model.word_queries(text, few, "whole_word")[0]
    if (blank := model.blank_query(text, middle, middle + 1)) is not None:
        queries.append(blank)
    if model.traits.source_apart:
        queries.append(model.continuation_query(model.sequence(text[:middle]), text[middle:]))
    return queries


def _values(distributions: Distributions, places: Tensor, tokens: Tensor) -> Tensor:
    return torch.stack([distributions.log_probability(places, tokens), distributions.entropy()[places]], -1)


def _own(model: LanguageModel, query: Query) -> np.ndarray:
    """Compute what psylm is asked from the network's own logits for this one sequence."""
    distributions = Distributions(model.own_logits(query))
    values: np.ndarray = _values(distributions, torch.arange(len(query.at)), torch.tensor(query.tokens)).numpy()
    return values


def _left_to_right(model: LanguageModel, texts: Sequence[tuple[int, ...]]) -> Agreement:
    """Compare the network's logits with those where all that follows is taken away: it must not see it."""
    apart = []
    for text in texts:
        ids = model.sequence(text)
        whole = model.network(input_ids=_row(model.network, ids)).logits[0].log_softmax(-1)
        for length in sorted({1 + (len(ids) - 1) * part // PLACES for part in range(PLACES)}):
            cut = model.network(input_ids=_row(model.network, ids[:length])).logits[0, -1].log_softmax(-1)
            best = cut.topk(16).indices  # what is all but impossible differs by rounding
            apart.append((cut - whole[length - 1])[best].abs().max().item())
    return Agreement("left to right", len(texts), max(map(len, texts)), float(np.max(apart)) / BIT)


def _states(model: LanguageModel, case: str, texts: Sequence[tuple[int, ...]]) -> Agreement:
    sequences = [model.sequence(text) for text in texts]
    network = model.network
    body = network.get_encoder() if getattr(network.config, "is_encoder_decoder", False) else network.base_model
    apart = []
    for numbers, (last,) in state_batches(model, sequences, every=False):
        for number, states in zip(numbers, last, strict=True):
            own = body(input_ids=_row(network, sequences[number])).last_hidden_state[0]
            apart.append(((states[: len(own)] - own).abs().max() / own.abs().max()).item())
    return Agreement(case, len(texts), max(map(len, sequences)), float(np.max(apart)))


def _row(network: Any, ids: Sequence[int]) -> Tensor:
    return torch.tensor([list(ids)], device=network.device)
