"""Models that `psylm train` made, as participants: a trained network in the form that the adapters know."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from psylm.models.causal import CausalModel
from psylm.models.checkpoints import CONFIG, load_checkpoint
from psylm.models.families import FAMILIES
from psylm.models.untrained import drawn
from psylm.scratch.architectures import make_model
from psylm.scratch.elmo import ELMo
from psylm.scratch.layers import Shape


class RecurrentModel(CausalModel):
    """Predicts each token from a state that carries what was read before: an LSTM, or ELMo's forward direction."""

    family: ClassVar[str] = "recurrent"
    _branches = False  # one state runs through a row, so that sequences cannot share their beginning


@dataclass
class States:
    """What a body returns: states [rows, places, width] of the top layer, and of every layer where that was asked."""

    last_hidden_state: Tensor
    hidden_states: tuple[Tensor, ...] | None = None


@dataclass
class Output:
    """What a network returns: logits [rows, places, vocabulary]."""

    logits: Tensor


@dataclass(frozen=True)
class Configuration:
    """What adapters ask of a network's configuration."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    max_position_embeddings: int | None
    model_type: str
    pad_token_id: int = 0
    is_encoder_decoder: bool = False


class Body(nn.Module):
    """A model without its output layer, called as the adapters call a `transformers` model's."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.traits = FAMILIES.named(model.family, f"architecture {type(model).__name__}, its family")

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        perm_mask: Tensor | None = None,
        target_mapping: Tensor | None = None,
        output_hidden_states: bool = False,
        **_: Any,
    ) -> States:
        """Return states; arguments as in `transformers`."""
        if output_hidden_states and not self.traits.attends:
            states = recurrent_layers(self.model, input_ids)
            return States(states[-1], tuple(states))
        if output_hidden_states:
            layers = self.model.layers if self.traits.two_streams else self.model.stack.layers
            with recorded_layers(layers) as below:
                top = self(input_ids, attention_mask, position_ids, perm_mask, target_mapping).last_hidden_state
            return States(top, (*below[:-1], top))
        if self.traits.two_streams:
            if perm_mask is None and attention_mask is not None:
                perm_mask = (attention_mask == 0)[:, None, :].expand(-1, input_ids.shape[1], -1)
            return States(self._permuted(input_ids, perm_mask, target_mapping))
        if self.traits.left_to_right and attention_mask is not None:
            attention_mask = attention_mask == 0  # what is added to scores: 0 where attention is allowed
        return States(self.model.states(input_ids, attention_mask, position_ids))

    def _permuted(self, ids: Tensor, unseen: Tensor | None, mapping: Tensor | None) -> Tensor:
        """Return the query stream at the places that are asked for, or the content stream of a text seen whole."""
        itself = torch.eye(ids.shape[1], dtype=torch.bool, device=ids.device)
        seen = torch.ones_like(itself).expand(len(ids), -1, -1) if unseen is None else unseen == 0
        content = (seen | itself)[:, None]
        if mapping is None:
            asked = torch.zeros_like(ids[:, :1])
            return self.model.streams(ids, content, content[:, :, :1], asked)[0]
        targets = mapping.argmax(-1)  # [rows, places]
        query = seen.take_along_dim(targets[..., None], 1)[:, None]
        states: Tensor = self.model.streams(ids, content, query, targets)[1]
        return states


@contextmanager
def recorded_layers(layers: Sequence[nn.Module]) -> Iterator[list[Tensor]]:
    """Record what layers read and write while they run.

    Parameters
    ----------
    layers
        Layers that run once each, in order; of several streams the first is recorded.

    Yields
    ------
    list of Tensor
        Filled by the run: what the first layer reads, then what each layer writes, [rows, places, width].
    """
    found: list[Tensor] = []

    def record(_: Any, read: tuple[Any, ...], written: Any) -> None:
        if not found:
            found.append(read[0])
        found.append(written if isinstance(written, Tensor) else written[0])

    hooks = [layer.register_forward_hook(record) for layer in layers]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


def recurrent_layers(model: Any, ids: Tensor) -> list[Tensor]:
    """Return the embeddings and the states of each layer [rows, places, width] of an LSTM, or of ELMo read forwards."""
    states: list[Tensor] = [model.embedding(ids)]
    if isinstance(model, ELMo):
        return states + model._read(states[0], model.forwards)
    start = states[0].new_zeros(1, len(ids), model.shape.width)
    for weights in model.recurrent.all_weights:
        states.append(torch.lstm(states[-1], (start, start), weights, True, 1, 0.0, False, False, True)[0])
    return states


class ScratchNetwork(nn.Module):
    """A trained model in the form that the adapters know.

    Parameters
    ----------
    model
        A model of `psylm.scratch`.
    facts
        What its checkpoint says of it.
    """

    def __init__(self, model: Any, facts: dict[str, Any]) -> None:
        super().__init__()
        self.base_model = Body(model)
        self.facts = facts
        shape = model.shape
        self.config = Configuration(
            vocab_size=shape.vocabulary,
            hidden_size=shape.width,
            intermediate_size=shape.inner,
            max_position_embeddings=shape.context if self.base_model.traits.attends else None,
            model_type="psylm",
        )

    @classmethod
    def load(cls, folder: Path) -> ScratchNetwork:
        """Load a checkpoint."""
        return cls(*load_checkpoint(folder))

    @classmethod
    def drawn(cls, folder: Path, seed: int) -> ScratchNetwork:
        """Make a checkpoint's model anew, with weights drawn at random."""
        facts = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        return cls(drawn(lambda: make_model(facts["architecture"], Shape(**facts["shape"])), seed), facts)

    @property
    def model(self) -> Any:
        """The model of `psylm.scratch`."""
        return self.base_model.model

    @property
    def architecture(self) -> str:
        """Name of the model's class: `GPT`, `BERT`, …."""
        return type(self.model).__name__

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """What the weights are kept as."""
        return next(self.parameters()).dtype

    def forward(self, input_ids: Tensor) -> Output:
        """Return logits."""
        return Output(self.model.logits(self.base_model(input_ids=input_ids).last_hidden_state))
