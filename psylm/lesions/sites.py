"""Where a network attends, found by watching it, and a way in: its code and weights stay as they are."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from psylm.common.errors import PsylmError
from psylm.models.attending import Attended, Read, is_xlnet, read
from psylm.models.base import LanguageModel
from psylm.models.trained import ScratchNetwork
from psylm.scratch.attention import MultiHeadAttention


@dataclass(frozen=True)
class Site:
    """One attention of a network.

    Parameters
    ----------
    name
        The layer's number, from 0; after `e`, `d` or `c` where there are encoder, decoder and cross-attention.
    module, layer
        The attention, and the layer that it is in.
    heads, width
        How many heads, and d_v.
    """

    name: str
    module: nn.Module
    layer: nn.Module
    heads: int
    width: int

    @property
    def crosses(self) -> bool:
        """Whether it reads from an encoder."""
        return self.name.startswith("c")


def find_sites(model: LanguageModel) -> list[Site]:
    """Find the attentions of a model, in the order in which they are computed.

    A `transformers` model is run on a few tokens, and whatever calls the library's attention function is one.

    Raises
    ------
    PsylmError
        There is none, it is not computed through that function, or layers share one.
    """
    network = model.network
    if isinstance(network, ScratchNetwork):
        found = [(module, module.heads, module.W_V.out_features // module.heads, "") for module in _ours(network)]
    else:
        xlnet = [module for module in network.modules() if is_xlnet(module)]
        found = [(module, module.n_head, module.d_head, "") for module in xlnet] or _watched(model)
    if not found:
        raise PsylmError(
            f"model {model.info.name!r}: found no attention that can be changed in {model.info.architecture}; "
            "expected a Transformer whose code calls transformers' attention interface (BERT, RoBERTa, GPT-2, Llama, "
            "T5, BART and most newer ones do)"
        )
    modules = [module for module, *_ in found]
    if len(set(modules)) < len(modules):
        raise PsylmError(
            f"model {model.info.name!r}: found layers of {model.info.architecture} that share their weights; expected "
            "each layer's own, since a lesion is of one layer"
        )
    names = {module: name for name, module in network.named_modules()}
    sites = []
    for module, heads, width, prefix in found:
        number, layer = _layer(network, names[module])
        sites.append(Site(f"{prefix}{number}", module, layer, heads, width))
    return sites


def encoder_and_decoder(model: LanguageModel) -> tuple[Any, Any]:
    """Return a network's encoder, and its decoder or what is there in place of both; either may be None."""
    network = model.network
    if not getattr(network.config, "is_encoder_decoder", False):
        return None, network.base_model
    return network.get_encoder(), network.get_decoder() if model.traits.predicts else None


def _ours(network: nn.Module) -> list[Any]:
    return [module for module in network.modules() if isinstance(module, MultiHeadAttention)]


def _watched(model: LanguageModel) -> list[tuple[nn.Module, int, int, str]]:
    """Run a network on a few tokens; return what attends, heads, their width and the prefix of the site's name."""
    found: list[tuple[nn.Module, int, int, str]] = []
    encoder, decoder = encoder_and_decoder(model)

    def watch(prefix: str) -> Read:
        def note(one: Attended) -> None:
            across = prefix == "d" and one.queries != one.keys
            found.append((one.module, one.heads, one.values.shape[-1], "c" if across else prefix))

        return note

    def ids(*tokens: int) -> Tensor:
        return torch.tensor([tokens], device=model.network.device)

    with torch.inference_mode():
        source: dict[str, Any] = {}
        if encoder is not None:
            with read(model.network, watch("e" if decoder is not None else "")):
                source = {"encoder_hidden_states": encoder(input_ids=ids(0, 1, 0)).last_hidden_state}
        if decoder is not None:
            with read(model.network, watch("d" if encoder is not None else "")):
                decoder(input_ids=ids(0, 1), **source)
    return found


def _layer(network: nn.Module, name: str) -> tuple[int, nn.Module]:
    """Return the number of the layer that a module is in, and the layer: an entry of the outermost list of modules."""
    node, parts = network, name.split(".")
    for part, following in pairwise(parts):
        node = getattr(node, part)
        if isinstance(node, nn.ModuleList):
            return int(following), node[int(following)]
    raise PsylmError(
        f"{type(network).__name__}: found an attention {name} outside of layers; expected a stack of layers"
    )
