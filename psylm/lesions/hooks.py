"""What a lesion does outside of attention: to layers, feed-forward units and the numbers of positions."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from psylm.common.errors import InputError, Problem
from psylm.lesions.sites import Site
from psylm.lesions.text_read import TextRead
from psylm.models.base import LONGEST_WINDOW
from psylm.models.int8 import Int8Linear
from psylm.models.trained import ScratchNetwork
from psylm.models.window import first_position
from psylm.scratch.xlnet import TwoStreamLayer

if TYPE_CHECKING:
    from psylm.lesions.operation import Operation


@contextmanager
def attributes(target: Any, values: dict[str, Any]) -> Iterator[None]:
    """Set attributes of one object for a while."""
    before = {name: target.__dict__[name] for name in values if name in target.__dict__}
    target.__dict__.update(values)
    try:
        yield
    finally:
        for name in values:
            del target.__dict__[name]
        target.__dict__.update(before)


def pass_by(stack: ExitStack, layer: nn.Module) -> None:
    """Let a layer give what it was given; it is computed all the same.

    Its method is replaced, since states that `transformers` records would not see what a hook makes of them.
    """
    own = layer.forward
    streams = isinstance(layer, TwoStreamLayer) or type(layer).__name__ == "XLNetLayer"

    def forward(*args: Any, **kwargs: Any) -> Any:
        output = own(*args, **kwargs)
        if streams:
            return (*args[:2], *output[2:])
        given = args[0] if args else kwargs["hidden_states"]
        return given if isinstance(output, Tensor) else (given, *output[1:])

    stack.enter_context(attributes(layer, {"forward": forward}))


def note_reading(stack: ExitStack, body: nn.Module, reading: TextRead) -> None:
    """Tell a `TextRead` what a network reads, each time that it does."""

    def hook(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        ids = kwargs["input_ids"] if "input_ids" in kwargs else args[0]
        attended = kwargs.get("attention_mask")
        reading.begin(ids, attended if attended is not None and attended.dim() == 2 else None)

    stack.callback(body.register_forward_pre_hook(hook, with_kwargs=True).remove)


def feed_forward(site: Site, width: int, where: str) -> nn.Module:
    """Return the matrix that turns the hidden units of a layer's feed-forward network back into states.

    It is the last matrix in the layer, outside of attention, that gives states.

    Raises
    ------
    InputError
        There is none, as in mixtures of experts.
    """
    from transformers.pytorch_utils import Conv1D

    attending = set(site.module.modules())
    matrices: list[nn.Module] = [
        module
        for module in site.layer.modules()
        if module not in attending
        and (
            (isinstance(module, nn.Linear | Int8Linear) and module.weight.shape[0] == width)
            or (isinstance(module, Conv1D) and module.nf == width)
        )
    ]
    if not matrices:
        found = f"no feed-forward network in layer {site.name}"
        raise InputError(Problem(where, found, "a layer with one, as dropout and thinned need"))
    return matrices[-1]


def before(stack: ExitStack, module: nn.Module, change: Callable[[Tensor], Tensor]) -> None:
    """Change what a module is given."""

    def hook(_module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        return (change(args[0]), *args[1:])

    stack.callback(module.register_forward_pre_hook(hook).remove)


def move_positions(operation: Operation, moved: Callable[[int], Tensor]) -> None:
    """Give tokens other positions than their own.

    Parameters
    ----------
    operation
        The lesion while it is put in place.
    moved
        Takes the length of the window; returns the position that each one becomes [window].

    Raises
    ------
    InputError
        The model does not read numbers of positions, as T5 and models of permutations, or does not heed them.
    """
    model = operation.model
    body, config = model.network.base_model, model.network.config
    apart = model.traits.two_streams or getattr(config, "is_encoder_decoder", False)
    if not apart and "position_ids" in inspect.signature(type(body).forward).parameters:
        first = first_position(model.network)
        # transformers takes positions that do not ascend for several texts in a row, unless a mask says otherwise.
        masked = not isinstance(model.network, ScratchNetwork)
        if _heeded(body, first, masked=masked, device=model.network.device):
            hook = _position_hook(moved(model.info.window or LONGEST_WINDOW), first, masked=masked)
            operation.stack.callback(body.register_forward_pre_hook(hook, with_kwargs=True).remove)
            return
    raise InputError(
        Problem(operation.where, "a model that reads no numbers of positions", "one such as BERT, GPT-2 or Llama")
    )


def shuffled(window: int, stretch: int, seed: int) -> Tensor:
    """Return the position that each one becomes [window] when they are shuffled within stretches.

    Examples
    --------
    >>> shuffled(5, 1, seed=0).tolist(), sorted(shuffled(5, 3, seed=0)[:3].tolist())
    ([0, 1, 2, 3, 4], [0, 1, 2])
    """
    draw = np.random.default_rng(seed)
    parts = [begin + draw.permutation(min(stretch, window - begin)) for begin in range(0, window, stretch)]
    return torch.from_numpy(np.concatenate(parts))


def _position_hook(moved: Tensor, first: int, *, masked: bool) -> Callable[..., tuple[Any, dict[str, Any]]]:
    def hook(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        ids = kwargs["input_ids"] if "input_ids" in kwargs else args[0]
        own = kwargs.get("position_ids")
        if own is None:
            own = torch.arange(first, first + ids.shape[1], device=ids.device).expand_as(ids)
        if masked and kwargs.get("attention_mask") is None:
            kwargs["attention_mask"] = torch.ones_like(ids)
        return args, kwargs | {"position_ids": first + moved.to(ids.device)[(own - first).clamp(min=0)]}

    return hook


def _heeded(body: Any, first: int, *, masked: bool, device: torch.device) -> bool:
    """Whether the network's states depend on the positions that it is given; tried once, on three tokens."""
    ids = torch.tensor([[0, 1, 2]], device=device)
    rest = {"attention_mask": torch.ones_like(ids)} if masked else {}
    with torch.inference_mode():
        one, other = (
            body(input_ids=ids, position_ids=places + first, **rest).last_hidden_state
            for places in torch.tensor([[[0, 1, 2]], [[2, 1, 0]]], device=device)
        )
    return not torch.allclose(one, other)
