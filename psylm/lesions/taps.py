"""The way into a network's attentions: its code and weights stay as they are, and nothing stays behind."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from psylm.common.errors import PsylmError
from psylm.lesions.effects import Effect
from psylm.models.trained import ScratchNetwork
from psylm.scratch.attention import MultiHeadAttention, both

EFFECT = "_psylm_effect"
"""Attribute of an attention module that says what is done there."""

PREFIX = "psylm_"
"""What the names of our attention functions begin with; those of `transformers` that they call come after it."""

BASES = ("sdpa", "eager")

Note = Callable[[nn.Module, Tensor, Tensor, Tensor], None]
"""Is told of a module that attends, with its queries, keys and values [batch, heads, n, d]."""


@contextmanager
def changed(network: Any, effects: Mapping[nn.Module, Effect]) -> Iterator[None]:
    """Put effects at attentions; afterwards, even after an error, the network is as it was.

    Parameters
    ----------
    network
        The network that they are in.
    effects
        What is done, by `Site.module`.
    """
    with ExitStack() as stack:
        if not isinstance(network, ScratchNetwork):
            stack.enter_context(_interface(network))
        for module, effect in effects.items():
            if isinstance(module, MultiHeadAttention):
                stack.enter_context(_scratch(module, effect))
            elif is_xlnet(module):
                stack.enter_context(_xlnet(module, effect))
            else:
                setattr(module, EFFECT, effect)
                stack.callback(delattr, module, EFFECT)
        yield


@contextmanager
def _scratch(module: Any, effect: Effect) -> Iterator[None]:
    """Change one of our own attentions; the method is replaced for this one object."""
    own, temperature = module._attend, module.temperature

    def attend(Q: Tensor, K: Tensor, V: Tensor, mask: Tensor | None, bias: Tensor | None, *, causal: bool) -> Tensor:
        if effect.span is not None and Q.shape[-2] == K.shape[-2]:
            mask = both(mask, effect.near(Q.shape[-2], Q.device))
        bias = None if bias is None else bias / effect.temperature
        heads = own(Q, K, V, mask, bias, causal=causal)  # [batch, heads, n, d_v]
        return effect.given(heads.transpose(1, 2)).transpose(1, 2)

    module._attend = attend
    module.temperature = temperature * effect.temperature
    try:
        yield
    finally:
        del module._attend
        module.temperature = temperature


def is_xlnet(module: nn.Module) -> bool:
    """Whether a module is the attention of XLNet, which `transformers` computes in a way of its own."""
    return type(module).__name__ == "XLNetRelativeAttention"


@contextmanager
def _xlnet(module: Any, effect: Effect) -> Iterator[None]:
    """Change an attention of XLNet, whose heads are [n, batch, heads, d_v]; a span is not for it."""
    own, scale = module.rel_attn_core, module.scale

    def attend(*args: Any, **kwargs: Any) -> Any:
        heads = own(*args, **kwargs)
        if isinstance(heads, tuple):
            return (effect.given(heads[0]), *heads[1:])
        return effect.given(heads)

    module.rel_attn_core = attend
    module.scale = scale / effect.temperature
    try:
        yield
    finally:
        del module.rel_attn_core
        module.scale = scale


@contextmanager
def _interface(network: Any) -> Iterator[None]:
    """Let a `transformers` model compute attention by our function, which calls the one that it used before."""
    _register()
    configs = {id(part.config): part.config for part in network.modules() if hasattr(part, "config")}
    before = [(config, config._attn_implementation) for config in configs.values()]
    unknown = sorted({str(name) for _, name in before if name is not None and name not in BASES})
    if unknown:
        raise PsylmError(
            f"{type(network).__name__}: found attention computed by {', '.join(unknown)}; expected {' or '.join(BASES)}"
        )
    try:
        for config, name in before:
            config._attn_implementation_internal = name if name is None else PREFIX + name
        yield
    finally:
        for config, name in before:
            config._attn_implementation_internal = name


@contextmanager
def watching(network: Any, note: Note) -> Iterator[None]:
    """Call a function with each module that attends, and its queries, keys and values."""
    modules = list(network.modules())
    with _interface(network):
        for module in modules:
            setattr(module, EFFECT, note)
        try:
            yield
        finally:
            for module in modules:
                delattr(module, EFFECT)


@cache
def _register() -> None:
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS

    for base in BASES:
        AttentionInterface.register(PREFIX + base, _attention(base))
        AttentionMaskInterface.register(PREFIX + base, ALL_MASK_ATTENTION_FUNCTIONS[base])


def _attention(base: str) -> Callable[..., tuple[Tensor, Tensor | None]]:
    """Return a function that computes attention as `transformers` asks for it, with what is done at the site."""

    def attend(
        module: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, **rest: Any
    ) -> tuple[Tensor, Tensor | None]:
        effect = module.__dict__.get(EFFECT)
        if effect is not None and not isinstance(effect, Effect):
            effect(module, query, key, value)
        mask, rest = changed_scores(module, query, key, mask, rest, base)
        heads, weights = _base(module, base)(module, query, key, value, mask, **rest)
        return effect.given(heads) if isinstance(effect, Effect) else heads, weights

    return attend


def changed_scores(
    module: Any, query: Tensor, key: Tensor, mask: Tensor | None, rest: dict[str, Any], base: str
) -> tuple[Tensor | None, dict[str, Any]]:
    """Return mask and arguments for an attention function of `transformers`, as a lesion changes them.

    Parameters
    ----------
    module
        The attention module; nothing changes where no lesion is.
    query, key
        Queries and keys of all places [batch, heads, n, d_k].
    mask, rest
        What the module passes.
    base
        The attention function: `sdpa` or `eager`.
    """
    effect = module.__dict__.get(EFFECT)
    if not isinstance(effect, Effect):
        return mask, rest
    if effect.temperature != 1:
        if rest.get("softcap") is not None or rest.get("s_aux") is not None:
            raise PsylmError(f"{type(module).__name__}: found scores with a soft cap; a temperature is not defined")
        scaling = rest.get("scaling")
        rest = rest | {"scaling": (query.shape[-1] ** -0.5 if scaling is None else scaling) / effect.temperature}
        if rest.get("position_bias") is not None:
            rest["position_bias"] = rest["position_bias"] / effect.temperature
    if effect.span is not None and query.shape[2] == key.shape[2]:
        mask = _narrowed(module, query, mask, effect, base, rest.get("is_causal"))
    return mask, rest


def _base(module: Any, base: str) -> Callable[..., Any]:
    if base == "eager":
        compute = getattr(sys.modules[type(module).__module__], "eager_attention_forward", None)
        if compute is None:
            raise PsylmError(
                f"{type(module).__name__}: found no eager attention function; its attention stays as it is"
            )
        return compute  # type: ignore[no-any-return]
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    return sdpa_attention_forward  # type: ignore[no-any-return]


def _narrowed(
    module: Any, query: Tensor, mask: Tensor | None, effect: Effect, base: str, causal: bool | None
) -> Tensor:
    """Return a mask that, besides what it hides already, hides what is further away than the span."""
    length = query.shape[2]
    seen = effect.near(length, query.device).expand(len(query), 1, length, length)
    if mask is None and (getattr(module, "is_causal", True) if causal is None else causal):
        seen = seen.tril()
    if mask is not None and mask.dtype == torch.bool:
        seen = seen & mask
    if base == "sdpa" and (mask is None or mask.dtype == torch.bool):
        return seen
    added = torch.zeros((), dtype=query.dtype, device=query.device) if mask is None else mask
    return added.masked_fill(~seen, torch.finfo(query.dtype).min)
