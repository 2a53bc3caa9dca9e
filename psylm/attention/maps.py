"""Attention maps of every layer and head, taken while a model reads and reduced at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from psylm.common.errors import PsylmError
from psylm.models.attending import Attended, read
from psylm.models.attention_input import Reading, Stream
from psylm.models.base import LanguageModel
from psylm.models.query import padded
from psylm.models.trained import ScratchNetwork

CROSS = ("EncDecAttention", "encoder_attn", "cross_attn", "crossattention")
"""Names of the modules with which a decoder attends to what the encoder read."""


@dataclass(frozen=True)
class Seen:
    """Attention of one layer, as it was computed.

    Parameters
    ----------
    readings
        Numbers of the readings of the batch.
    layer
        The layer, from 0.
    weights
        Attention [batch, heads, rows, keys]; rows in the order of `Reading.rows`, then filled up.
    module
        The attention module.
    values
        What is read from each place [batch, heads or groups of heads, keys, width of a head].
    """

    readings: Sequence[int]
    layer: int
    weights: Tensor
    module: Any
    values: Tensor


Take = Callable[[Seen], None]


def watch(model: LanguageModel, readings: Sequence[Reading], take: Take) -> Iterator[list[int]]:
    """Let a model read, and hand over the attention of each layer as soon as it is there.

    Readings of like length run together. Attention is computed twice: by the model's own fused kernel for all places,
    and by its own plain code for the rows that are wanted. Nothing is kept here.

    Parameters
    ----------
    model
        A model with attention: causal, masked, permuted, seq2seq or encoder.
    readings
        What it reads; all of one stream.
    take
        Gets the attention of one layer of one batch.

    Yields
    ------
    list of int
        Numbers of the readings of a batch whose layers have all been handed over.

    Raises
    ------
    PsylmError
        The model's architecture gives no attention maps.
    """
    own_ways = False
    for numbers in _batches(readings, model.allowance.tokens, model.may_pad):
        batch = [readings[number] for number in numbers]
        rows, _ = padded([reading.rows for reading in batch], 0, model.network.device)
        watcher = _Watcher(model, batch[0].stream, rows, lambda *seen, numbers=numbers: take(Seen(numbers, *seen)))
        if not own_ways:
            with torch.inference_mode(), watcher.watching():
                model.read_attended(batch)
        own_ways = not watcher.layers
        if own_ways:
            _read_whole_maps(model, batch, watcher)
        yield numbers


def _batches(readings: Sequence[Reading], budget: int, may_pad: Callable[[int], bool]) -> Iterator[list[int]]:
    """Pack readings, longest first, so that padded sizes stay within a budget; of one length where padding is seen."""
    batch: list[int] = []
    for number in sorted(range(len(readings)), key=lambda number: -len(readings[number])):
        length = len(readings[batch[0]]) if batch else 0
        if batch and (length * (len(batch) + 1) > budget or (len(readings[number]) != length and not may_pad(length))):
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch


def _read_whole_maps(model: LanguageModel, batch: Sequence[Reading], watcher: _Watcher) -> None:
    """Ask an architecture that goes its own ways for `output_attentions`: all layers' whole maps at once."""
    with torch.inference_mode(), _plainly(model.network):
        given = None if batch[0].stream == "cross" else model.read_attended(batch, output_attentions=True)
        maps = getattr(given, "attentions", None)
    if not maps or maps[0] is None:
        raise PsylmError(
            f"model {model.info.name!r}: its architecture, {model.info.architecture}, gives no attention maps"
        )
    longest = max(map(len, batch))
    if any(weights.dim() != 4 or weights.shape[-2:] != (longest, longest) for weights in maps):
        raise PsylmError(
            f"model {model.info.name!r}: the attention of its architecture, {model.info.architecture}, is not one from "
            "every place of a text to every place, so that there are no attention maps"
        )
    for weights in maps:
        picked = weights.take_along_dim(watcher.rows[:, None, :, None], 2)
        watcher.give(None, picked, torch.empty(0))


@dataclass
class _Watcher:
    """Hands over what is wanted of the attention that a network computes."""

    model: LanguageModel
    stream: Stream
    rows: Tensor  # [batch, rows]
    take: Callable[[int, Tensor, Any, Tensor], None]
    layers: int = 0
    calls: int = 0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch for a while; the network is as it was afterwards, also after an error."""
        across = {module for name, module in self.model.network.named_modules() if name.split(".")[-1] in CROSS}
        scratch = isinstance(self.model.network, ScratchNetwork)
        # Our XLNet's query stream has one row, that of the place which is predicted.
        rows = torch.zeros_like(self.rows[:, :1]) if scratch and self.stream == "query" else self.rows

        def note(one: Attended) -> None:
            self.calls += 1
            if self.model.traits.two_streams and (self.calls % 2 == 0) != (self.stream == "query"):
                return  # in each layer XLNet's content stream comes first, then its query stream
            if self.stream == "cross" and one.module not in across and not scratch:
                return
            self.give(one.module, one.weights(rows), one.values)

        with read(self.model.network, note):
            yield

    def give(self, module: Any, weights: Tensor, values: Tensor) -> None:
        """Hand over the wanted rows of a layer."""
        self.take(self.layers, weights, module, values)
        self.layers += 1


@contextmanager
def _plainly(network: Any) -> Iterator[None]:
    """Let a network compute attention by its plain code for a while."""
    configs = {id(config): config for module in network.modules() if (config := getattr(module, "config", None))}
    before = {key: config._attn_implementation_internal for key, config in configs.items()}
    try:
        for config in configs.values():
            config._attn_implementation_internal = "eager"
        yield
    finally:
        for key, config in configs.items():
            config._attn_implementation_internal = before[key]
