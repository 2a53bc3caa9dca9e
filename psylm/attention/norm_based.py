"""Norm-based attention: how much is read from each place, not only how much it is looked at (Kobayashi et al. 2020)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from psylm.attention.maps import Seen, watch
from psylm.attention.places import Look
from psylm.attention.reduce import Weigh
from psylm.common.errors import PsylmError
from psylm.models.attention_input import Reading
from psylm.models.base import LanguageModel
from psylm.models.trained import ScratchNetwork

PROJECTIONS = ("o_proj", "out_proj", "c_proj", "o", "out_lin", "Wo", "dense")
"""What architectures call W^O, which stands in the attention module; in BERT's kin it is `output.dense` next to it."""


def weigh_by_norms(model: LanguageModel, looks: Sequence[Look]) -> Weigh:
    r"""Return what turns attention weights into shares of what is read.

    A head reads :math:`\sum_j \alpha_{ij} f(x_j)` with :math:`f(x) = (x W^V + b^V) W^O`. A place that is looked at much
    but whose :math:`f(x_j)` is short gives little: beginning-of-sequence tokens and punctuation are like that. The
    share of place j is :math:`\|\alpha_{ij} f(x_j)\| / \sum_k \|\alpha_{ik} f(x_k)\|`, of each head apart.

    Parameters
    ----------
    model
        The model.
    looks
        What will be looked at; they say which attention is meant.

    Raises
    ------
    PsylmError
        No output projection was found whose input is what the heads have read.

    References
    ----------
    Kobayashi et al. (2020), Attention is not only a weight: analyzing Transformers with vector norms, EMNLP,
    https://doi.org/10.18653/v1/2020.emnlp-main.574.
    """
    known = {} if isinstance(model.network, ScratchNetwork) or not looks else _checked(model, looks[0].reading)

    def weigh(seen: Seen) -> Tensor:
        heads = seen.weights.shape[1]
        shares = seen.weights * norms(seen.values, _output(seen.module, heads, known))[:, :, None, :]
        return shares / shares.sum(-1, keepdim=True)

    return weigh


def norms(values: Tensor, output: Tensor) -> Tensor:
    r"""Return :math:`\|f(x_j)\|` for each head and place [batch, heads, keys].

    Parameters
    ----------
    values
        :math:`x W^V + b^V` [batch, heads or groups of heads, keys, d_v].
    output
        Each head's part of W^O [heads, d_v, width].
    """
    values = values.repeat_interleave(len(output) // values.shape[1], 1).float()
    gram = (output.float() @ output.float().transpose(1, 2))[None]  # ‖v W‖² = v W Wᵀ vᵀ
    squares: Tensor = ((values @ gram) * values).sum(-1)
    return squares.clamp(min=0).sqrt()


def _output(module: Any, heads: int, known: dict[int, Tensor]) -> Tensor:
    """Return W^O of an attention module, by heads [heads, d_v, width]."""
    if id(module) in known:
        return known[id(module)].unflatten(0, (heads, -1))
    if hasattr(module, "rel_attn_core"):  # XLNet, whose W^O is [width, heads, d_v]
        relative: Tensor = module.o.permute(1, 2, 0)
        return relative
    gate: Tensor = module.gate  # of psylm.scratch: what a head's output is multiplied by
    output: Tensor = module.W_O.weight.T.unflatten(0, (heads, -1)) * gate[:, None, None]
    return output


def _checked(model: LanguageModel, reading: Reading) -> dict[int, Tensor]:
    """Find W^O [heads · d_v, width] of each attention module; that its input is A V is tried on one text."""
    found = {id(module): projection for module, projection in _projections(model.network)}
    entered: dict[int, Tensor] = {}
    read: dict[int, Tensor] = {}

    def take(seen: Seen) -> None:
        if id(seen.module) in found:
            values = seen.values.repeat_interleave(seen.weights.shape[1] // seen.values.shape[1], 1)
            read[id(seen.module)] = (seen.weights @ values).transpose(1, 2).flatten(2)
        elif not hasattr(seen.module, "rel_attn_core"):
            raise PsylmError(
                f"model {model.info.name!r}: norm-based attention needs values and the output projection of each head, "
                f"which were not found in {model.info.architecture}"
            )

    hooks = [
        projection.register_forward_pre_hook(lambda _, inputs, key=key: entered.__setitem__(key, inputs[0]))
        for key, projection in found.items()
    ]
    try:
        for _ in watch(model, [reading], take):
            pass
    finally:
        for hook in hooks:
            hook.remove()
    for key, mine in read.items():
        theirs = entered[key].reshape(1, -1, mine.shape[-1])[:, list(reading.rows)]
        if not torch.allclose(mine.float(), theirs.float(), atol=1e-3, rtol=1e-3):
            raise PsylmError(
                f"model {model.info.name!r}: {model.info.architecture} does not project what its heads read as it is; "
                "norm-based attention is not defined for it"
            )
    return {key: _matrix(found[key]) for key in read}


def _projections(network: nn.Module) -> Iterator[tuple[Any, Any]]:
    """Pair modules that may be attention with what may be their output projection."""
    for module in network.modules():
        for name in PROJECTIONS:
            projection = getattr(module, name, None)
            if isinstance(projection, nn.Module) and hasattr(projection, "weight"):
                yield module, projection
                break
        dense = getattr(getattr(module, "output", None), "dense", None)
        if dense is not None and hasattr(module, "self"):
            yield module.self, dense


def _matrix(projection: Any) -> Tensor:
    """Return a projection's matrix, rows the inputs: GPT-2's are kept that way, all others the other way round."""
    weight: Tensor = projection.weight
    return weight if type(projection).__name__ == "Conv1D" else weight.T
