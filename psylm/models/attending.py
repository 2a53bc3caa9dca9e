"""The way into a network's attentions, to read and to change them: its code and weights stay as they are.

Attention is computed in three ways: by the attention function that a `transformers` model is configured with, by
XLNet's own method, and by `psylm.scratch`. Each is entered in one place; whatever reads stands behind whatever changes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from psylm.common.errors import PsylmError
from psylm.models.trained import ScratchNetwork
from psylm.scratch.attention import MultiHeadAttention, both, watched

CHANGE, READ = "_psylm_change", "_psylm_read"
"""Attributes of an attention module: what is done there, and what is recorded of it."""

PREFIX = "psylm_"
"""What the names of our attention functions begin with; those of `transformers` that they call come after it."""

BASES = ("sdpa", "eager")


class AttentionChange(Protocol):
    """What is done at one attention, as `psylm.lesions.effects.Effect` is."""

    temperature: float
    """By which scores are divided before the softmax."""
    span: int | None
    """Within how many places a token sees others; None for no limit."""

    def near(self, length: int, device: torch.device) -> Tensor:
        """Return which places may see which under the span: boolean, broadcasts to [batch, heads, n, n]."""

    def given(self, heads: Tensor) -> Tensor:
        """Return what the heads give, changed [batch, n, heads, d_v]."""


@dataclass(frozen=True)
class Attended:
    """Attention as it is computed at one module.

    Parameters
    ----------
    module
        The attention module.
    values
        What is read from each place [batch, heads or groups of heads, keys, width of a head].
    queries, keys
        How many places ask, and how many are attended to.
    heads
        How many heads ask.
    weights
        Takes rows [batch, rows]; returns their attention [batch, heads, rows, keys]. Nothing is computed before.
    """

    module: Any
    values: Tensor
    queries: int
    keys: int
    heads: int
    weights: Callable[[Tensor], Tensor]


Read = Callable[[Attended], None]


@contextmanager
def changed(network: Any, changes: Mapping[nn.Module, AttentionChange]) -> Iterator[None]:
    """Change attentions; afterwards, even after an error, the network is as it was.

    Parameters
    ----------
    network
        The network that they are in.
    changes
        What is done, by attention module.
    """
    with ExitStack() as stack:
        if not isinstance(network, ScratchNetwork):
            stack.enter_context(_interface(network))
        for module, change in changes.items():
            if isinstance(module, MultiHeadAttention):
                stack.enter_context(_changed_scratch(module, change))
            elif is_xlnet(module):
                stack.enter_context(_changed_xlnet(module, change))
            else:
                stack.enter_context(_attribute(module, CHANGE, change))
        yield


@contextmanager
def read(network: Any, tell: Read) -> Iterator[None]:
    """Tell a function of each attention that a network computes inside the block, as soon as it is computed.

    Parameters
    ----------
    network
        The network, changed or not.
    tell
        Is called in the order in which attention is computed.
    """
    if isinstance(network, ScratchNetwork):

        def of_scratch(module: Any, weights: Tensor, values: Tensor) -> None:
            _, heads, queries, keys = weights.shape
            tell(Attended(module, values, queries, keys, heads, lambda rows: _picked(weights, rows)))

        with watched(network, of_scratch):
            yield
        return
    with ExitStack() as stack:
        stack.enter_context(_interface(network))
        for module in list(network.modules()):
            if is_xlnet(module):
                stack.enter_context(_read_xlnet(module, tell))
            else:
                stack.enter_context(_attribute(module, READ, tell))
        yield


def is_xlnet(module: nn.Module) -> bool:
    """Whether a module is the attention of XLNet, which `transformers` computes in a way of its own."""
    return type(module).__name__ == "XLNetRelativeAttention"


@contextmanager
def _attribute(target: Any, name: str, value: Any) -> Iterator[None]:
    """Set an attribute for a while, of the one object, past the register of submodules."""
    before = target.__dict__.get(name)
    target.__dict__[name] = value
    try:
        yield
    finally:
        if before is None:
            del target.__dict__[name]
        else:
            target.__dict__[name] = before


@contextmanager
def _changed_scratch(module: Any, change: AttentionChange) -> Iterator[None]:
    """Change one of our own attentions; the method is replaced for this one object."""
    own = module._attend

    def attend(Q: Tensor, K: Tensor, V: Tensor, mask: Tensor | None, bias: Tensor | None, *, causal: bool) -> Tensor:
        if change.span is not None and Q.shape[-2] == K.shape[-2]:
            mask = both(mask, change.near(Q.shape[-2], Q.device))
        bias = None if bias is None else bias / change.temperature
        heads = own(Q, K, V, mask, bias, causal=causal)  # [batch, heads, n, d_v]
        return change.given(heads.transpose(1, 2)).transpose(1, 2)

    temperature = module.temperature * change.temperature
    with _attribute(module, "_attend", attend), _attribute(module, "temperature", temperature):
        yield


@contextmanager
def _changed_xlnet(module: Any, change: AttentionChange) -> Iterator[None]:
    """Change an attention of XLNet, whose heads are [n, batch, heads, d_v]; a span is not for it."""
    own = module.rel_attn_core

    def attend(*args: Any, **kwargs: Any) -> Any:
        heads = own(*args, **kwargs)
        if isinstance(heads, tuple):
            return (change.given(heads[0]), *heads[1:])
        return change.given(heads)

    scale = module.scale / change.temperature
    with _attribute(module, "rel_attn_core", attend), _attribute(module, "scale", scale):
        yield


@contextmanager
def _read_xlnet(module: Any, tell: Read) -> Iterator[None]:
    """Tell of an attention of XLNet, whose weights are [n, m, batch, heads]."""
    own = module.rel_attn_core

    def attend(
        query: Tensor, key: Tensor, value: Tensor, *rest: Any, output_attentions: bool = False, **named: Any
    ) -> Any:
        given, weights = own(query, key, value, *rest, output_attentions=True, **named)
        whole = weights.permute(2, 3, 0, 1)  # [batch, heads, n, m]
        _, heads, queries, keys = whole.shape
        values = value.permute(1, 2, 0, 3)
        tell(Attended(module, values, queries, keys, heads, lambda rows: _picked(whole, rows)))
        return (given, weights) if output_attentions else given

    with _attribute(module, "rel_attn_core", attend):
        yield


@contextmanager
def _interface(network: Any) -> Iterator[None]:
    """Let a `transformers` model compute attention by our function, which calls the one that it used before."""
    _register()
    configs = {id(part.config): part.config for part in network.modules() if hasattr(part, "config")}
    before = [(config, config._attn_implementation) for config in configs.values()]
    ours = [PREFIX + base for base in BASES]  # a network that is changed already can be read
    unknown = sorted({str(name) for _, name in before if name not in (None, *BASES, *ours)})
    if unknown:
        raise PsylmError(
            f"{type(network).__name__}: found attention computed by {', '.join(unknown)}; expected {' or '.join(BASES)}"
        )
    try:
        for config, name in before:
            if name in BASES:
                config._attn_implementation_internal = PREFIX + name
        yield
    finally:
        for config, name in before:
            config._attn_implementation_internal = name


@cache
def _register() -> None:
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS

    for base in BASES:
        AttentionInterface.register(PREFIX + base, _attention(base))
        AttentionMaskInterface.register(PREFIX + base, ALL_MASK_ATTENTION_FUNCTIONS[base])


def _attention(base: str) -> Callable[..., tuple[Tensor, Tensor | None]]:
    """Return a function that computes attention as `transformers` does, with what is changed and reported there."""

    def attend(
        module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **rest: Any
    ) -> tuple[Tensor, Tensor | None]:
        mask = attention_mask  # the name by which some architectures give it
        change: AttentionChange | None = module.__dict__.get(CHANGE)
        if change is not None:
            mask, rest = _changed_scores(module, query, key, mask, rest, base, change)
        tell: Read | None = module.__dict__.get(READ)
        if tell is not None:

            def weights(rows: Tensor) -> Tensor:
                return _plain_weights(module, query, key, value, mask, rest, rows)

            tell(Attended(module, value, query.shape[2], key.shape[2], query.shape[1], weights))
        heads, maps = _function(module, base)(module, query, key, value, mask, **rest)
        return heads if change is None else change.given(heads), maps

    return attend


def _plain_weights(
    module: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, rest: dict[str, Any], rows: Tensor
) -> Tensor:
    """Return attention of the wanted rows alone, by the plain code that stands beside the module."""
    shown = None if mask is None else _picked(mask, rows)
    if shown is None and _is_causal(module, rest) and query.shape[2] > 1:
        shown = (torch.arange(key.shape[2], device=rows.device) <= rows[..., None])[:, None]
    if shown is not None and shown.dtype == torch.bool:
        shown = torch.zeros_like(shown, dtype=query.dtype).masked_fill(~shown, torch.finfo(query.dtype).min)
    if rest.get("position_bias") is not None:
        rest = rest | {"position_bias": _picked(rest["position_bias"], rows)}
    _, weights = _function(module, "eager")(module, _picked(query, rows), key, value, shown, **rest)
    found: Tensor = weights
    return found


def _picked(tensor: Tensor, rows: Tensor) -> Tensor:
    """Return the wanted rows of [batch or 1, heads or 1, n, …]; what is the same for all rows stays."""
    if tensor.shape[2] == 1:
        return tensor
    return tensor.expand(len(rows), -1, -1, -1).take_along_dim(rows[:, None, :, None], 2)


def _is_causal(module: Any, rest: Mapping[str, Any]) -> bool:
    """Whether a module that is given no mask hides what follows, as `transformers` decides it."""
    asked = rest.get("is_causal")
    return bool(getattr(module, "is_causal", True) if asked is None else asked)


def _changed_scores(
    module: Any,
    query: Tensor,
    key: Tensor,
    mask: Tensor | None,
    rest: dict[str, Any],
    base: str,
    change: AttentionChange,
) -> tuple[Tensor | None, dict[str, Any]]:
    """Return mask and arguments for an attention function of `transformers`, as a change has them."""
    if change.temperature != 1:
        if rest.get("softcap") is not None or rest.get("s_aux") is not None:
            raise PsylmError(f"{type(module).__name__}: found scores with a soft cap; a temperature is not defined")
        scaling = rest.get("scaling")
        rest = rest | {"scaling": (query.shape[-1] ** -0.5 if scaling is None else scaling) / change.temperature}
        if rest.get("position_bias") is not None:
            rest["position_bias"] = rest["position_bias"] / change.temperature
    if change.span is not None and query.shape[2] == key.shape[2]:
        mask = _narrowed(module, query, mask, change, base, rest)
    return mask, rest


def _function(module: Any, base: str) -> Callable[..., Any]:
    if base == "eager":
        compute = getattr(sys.modules[type(module).__module__], "eager_attention_forward", None)
        if compute is None:
            raise PsylmError(
                f"{type(module).__name__}: found no plain attention function beside it, by which "
                "its attention could be read or changed"
            )
        return compute  # type: ignore[no-any-return]
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    return sdpa_attention_forward  # type: ignore[no-any-return]


def _narrowed(
    module: Any, query: Tensor, mask: Tensor | None, change: AttentionChange, base: str, rest: Mapping[str, Any]
) -> Tensor:
    """Return a mask that, besides what it hides already, hides what is further away than the span."""
    length = query.shape[2]
    seen = change.near(length, query.device).expand(len(query), 1, length, length)
    if mask is None and _is_causal(module, rest):
        seen = seen.tril()
    if mask is not None and mask.dtype == torch.bool:
        seen = seen & mask
    if base == "sdpa" and (mask is None or mask.dtype == torch.bool):
        return seen
    added = torch.zeros((), dtype=query.dtype, device=query.device) if mask is None else mask
    return added.masked_fill(~seen, torch.finfo(query.dtype).min)
