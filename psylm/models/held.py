"""A model of `transformers` that is held in memory already, with its tokenizer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from psylm.common.errors import InputError, Problem, PsylmError
from psylm.models.base import LanguageModel, ModelInfo
from psylm.models.memory import allowance
from psylm.models.names import ModelSource
from psylm.models.start import AUTO, find_start
from psylm.models.tokens import Tokenizer
from psylm.models.window import longest_text


@dataclass(frozen=True)
class HeldSource(ModelSource):
    """Stands for a model that no name can load: it is known by its own configuration."""

    network: Any = None

    @property
    def name(self) -> str:
        """What the results call it."""
        return self.place

    @cached_property
    def configuration(self) -> dict[str, Any]:
        """What the network's configuration says."""
        known: dict[str, Any] = self.network.config.to_dict()
        return known | {"architectures": [type(self.network).__name__]}

    @property
    def _has_modules(self) -> bool:
        return False


def adopt(network: Any, tokenizer: Any, *, start: str = AUTO) -> LanguageModel:
    """Make a participant of a network and its tokenizer.

    The network stays as it is, but for being put into evaluation mode: with dropout, scores would be random.

    Parameters
    ----------
    network
        A language model of `transformers`: `AutoModelForCausalLM`, `AutoModelForMaskedLM`, ….
    tokenizer
        Its fast tokenizer.
    start
        As in `psylm.load_model`.

    Returns
    -------
    LanguageModel
        As `psylm.load_model` returns it. Nothing is kept of its scores for later runs.

    Raises
    ------
    PsylmError
        It is no language model of `transformers`, the tokenizer is not fast, or the two do not belong together.
    """
    from transformers import PreTrainedModel

    if not isinstance(network, PreTrainedModel):
        found = f"an object of the class {type(network).__name__}"
        raise InputError(Problem("model", found, "a model of transformers and its tokenizer, in this order"))
    name = str(network.config.name_or_path or type(network).__name__)
    source = HeldSource("held", name, network=network)
    traits = source.traits
    read = Tokenizer(tokenizer, name)
    if traits.masks and read.mask is None:
        raise PsylmError(f"model {name!r}: found {traits.described} whose tokenizer has no mask token")
    rows = network.get_input_embeddings().weight.shape[0]
    if len(read) > rows:
        found = f"a tokenizer of {len(read)} tokens for {rows} embeddings"
        raise InputError(Problem(f"model {name!r}", found, "the tokenizer that the model was trained with"))
    begun = find_start(source, read, start)
    read.start = () if begun is None else begun.ids
    device = str(network.device)
    info = ModelInfo(
        name=name,
        family=traits.name,
        architecture=type(network).__name__,
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        vocabulary=len(read),
        window=longest_text(network),
        licence="unknown",
        revision=str(getattr(network.config, "_commit_hash", None) or ""),
        sha256="",
        dtype=str(network.dtype).removeprefix("torch."),
        device=device,
        word_marking=read.word_marking,
        start=None if begun is None else begun.described(),
    )
    adapter = traits.adapter_class()
    return adapter(network.eval(), read, info, allowance(network, None, network.device.type))
