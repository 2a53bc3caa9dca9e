"""Attention maps of every layer and head, taken while a model reads and reduced at once."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from psylm.common.errors import PsylmError
from psylm.lesions.taps import changed_scores
from psylm.models.base import LanguageModel
from psylm.models.query import Row, padded
from psylm.models.trained import ScratchNetwork
from psylm.scratch.attention import watched

Stream = Literal["self", "query", "encoder", "cross"]
"""Which attention is looked at: the text's to itself, XLNet's query stream, an encoder's to itself, or a decoder's to
what the encoder read."""

NAME = "psylm_watched"
"""What `transformers` calls our attention function while we watch."""

CROSS = ("EncDecAttention", "encoder_attn", "cross_attn", "crossattention")
"""Names of the modules with which a decoder attends to what the encoder read."""


@dataclass(frozen=True)
class Reading:
    """What a model reads, and the places whose attention is wanted.

    Parameters
    ----------
    ids
        The input, special tokens included; what the decoder has written, for the stream `cross`.
    rows
        Places of `ids` whose attention is wanted. For XLNet's query stream, the one place that is predicted.
    stream
        Which attention is looked at.
    source
        What the encoder reads, for the stream `cross`.
    """

    ids: tuple[int, ...]
    rows: tuple[int, ...]
    stream: Stream = "self"
    source: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.ids) + len(self.source)

    @property
    def keys(self) -> int:
        """Number of places that are attended to."""
        return len(self.source or self.ids)


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
                _read(model, batch)
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


def _read(model: LanguageModel, batch: Sequence[Reading], **asked: Any) -> Any:
    """Run the part of a network whose attention is wanted."""
    stream, filler, device = batch[0].stream, model.tokenizer.filler, model.network.device
    if stream == "cross":
        return model._hidden([Row(reading.ids, [], source=reading.source) for reading in batch])
    if model.family == "permuted":
        return model._hidden([Row(reading.ids, [], targets=reading.rows[:1]) for reading in batch])
    ids, there = padded([reading.ids for reading in batch], filler, device)
    if stream == "encoder":
        return model.network.get_encoder()(input_ids=ids, attention_mask=there.long(), **asked)
    if model.family == "causal":  # padding stands on the right, where nothing looks
        return model.head.body(input_ids=ids, use_cache=False, **asked)
    body = model.network if model.family == "encoder" else model.head.body
    return body(input_ids=ids, attention_mask=there.long(), **asked)


def _read_whole_maps(model: LanguageModel, batch: Sequence[Reading], watcher: _Watcher) -> None:
    """Ask an architecture that goes its own ways for `output_attentions`: all layers' whole maps at once."""
    with torch.inference_mode(), _implementation(model.network, "eager"):
        read = None if batch[0].stream == "cross" else _read(model, batch, output_attentions=True)
        maps = getattr(read, "attentions", None)
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
    """Stands where attention is computed."""

    model: LanguageModel
    stream: Stream
    rows: Tensor  # [batch, rows]
    take: Callable[[int, Tensor, Any, Tensor], None]
    layers: int = 0
    calls: int = 0
    wanted: set[int] | None = field(default=None)
    fused: str = "sdpa"

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch for a while; the network is as it was afterwards, also after an error."""
        network = self.model.network
        if isinstance(network, ScratchNetwork):
            with watched(network, self.scratch):
                yield
            return
        if self.stream == "cross":
            self.wanted = {id(module) for name, module in network.named_modules() if name.split(".")[-1] in CROSS}
        relative = [module for module in network.modules() if hasattr(module, "rel_attn_core")]
        for module in relative:
            module.rel_attn_core = self._relative(module, module.rel_attn_core)
        _register()
        token = _WATCHER.set(self)
        try:
            with _implementation(network, NAME) as before:
                self.fused = before
                yield
        finally:
            _WATCHER.reset(token)
            for module in relative:
                del module.rel_attn_core

    def give(self, module: Any, weights: Tensor, values: Tensor) -> None:
        """Hand over the wanted rows of a layer."""
        self.take(self.layers, weights, module, values)
        self.layers += 1

    def attend(
        self, module: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, **kwargs: Any
    ) -> tuple[Tensor, Tensor | None]:
        """Attend as the network would; on the side, compute the rows that are wanted as its own plain code does."""
        from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

        plain = getattr(sys.modules[type(module).__module__], "eager_attention_forward", None)
        if plain is None:
            raise PsylmError(f"{type(module).__name__}: no plain attention was found next to it; no maps can be taken")
        fused = plain if self.fused == "eager" else ALL_ATTENTION_FUNCTIONS[self.fused]
        if self.wanted is None or id(module) in self.wanted:
            shown, asked = changed_scores(module, query, key, mask, kwargs, "eager")
            picked = {name: self._picked(asked[name]) for name in ("position_bias",) if asked.get(name) is not None}
            rows = self._picked(query)
            _, weights = plain(module, rows, key, value, self._picked(shown), **(asked | picked))
            self.give(module, weights, value)
        read: tuple[Tensor, Tensor | None] = fused(module, query, key, value, mask, **kwargs)
        return read

    def _picked(self, tensor: Tensor | None) -> Tensor | None:
        """Return the wanted rows of [batch or 1, heads or 1, n, …]; what is the same for all rows stays."""
        if tensor is None or tensor.shape[2] == 1:
            return tensor
        return tensor.expand(len(self.rows), -1, -1, -1).take_along_dim(self.rows[:, None, :, None], 2)

    def scratch(self, module: Any, weights: Tensor, values: Tensor) -> None:
        """Take attention from a model of `psylm.scratch`; XLNet's streams take turns."""
        self.calls += 1
        if self.model.family == "permuted" and (self.calls % 2 == 0) != (self.stream == "query"):
            return
        rows = torch.zeros_like(self.rows[:, :1]) if self.stream == "query" else self.rows
        self.give(module, weights.take_along_dim(rows[:, None, :, None], 2), values)

    def _relative(self, module: Any, core: Callable[..., Any]) -> Callable[..., Any]:
        """Stand in for XLNet's own attention, whose content stream comes before its query stream in each layer."""

        def attend(
            query: Tensor, key: Tensor, value: Tensor, *rest: Any, output_attentions: bool = False, **named: Any
        ) -> Any:
            read, weights = core(query, key, value, *rest, output_attentions=True, **named)
            self.calls += 1
            if (self.calls % 2 == 0) == (self.stream == "query"):
                whole = weights.permute(2, 3, 0, 1)  # [batch, heads, n, n]
                picked = whole.take_along_dim(self.rows[:, None, :, None], 2)
                self.give(module, picked, value.permute(1, 2, 0, 3))
            return (read, weights) if output_attentions else read

        return attend


_WATCHER: ContextVar[_Watcher] = ContextVar("psylm_watcher")


def _attend(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **kwargs: Any
) -> Any:
    """Attend; the mask has the name by which some architectures give it."""
    return _WATCHER.get().attend(module, query, key, value, attention_mask, **kwargs)


def _register() -> None:
    """Make our attention function known to `transformers`, with the masks of its plain attention."""
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, eager_mask
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    if NAME not in ALL_ATTENTION_FUNCTIONS:
        ALL_ATTENTION_FUNCTIONS.register(NAME, _attend)
        ALL_MASK_ATTENTION_FUNCTIONS.register(NAME, eager_mask)


@contextmanager
def _implementation(network: Any, name: str) -> Iterator[str]:
    """Let a network use another attention function for a while; yields the name of its own."""
    configs = {id(config): config for module in network.modules() if (config := getattr(module, "config", None))}
    before = {key: config._attn_implementation_internal for key, config in configs.items()}
    try:
        for config in configs.values():
            config._attn_implementation_internal = name
        yield str(before[id(network.config)])
    finally:
        for key, config in configs.items():
            config._attn_implementation_internal = before[key]
