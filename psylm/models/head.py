"""The part of a network that turns hidden states into logits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from psylm.common.errors import PsylmError


class Head:
    """Computes logits for hidden states that we choose.

    The network's own code computes the logits, from a body that is replaced for the call by one that returns the
    chosen hidden states; so a head's own scaling, soft caps and transforms are all in. Whether that equals the
    network as a whole is tried once, when it is made.

    Parameters
    ----------
    network
        The `transformers` model.
    """

    def __init__(self, network: Any) -> None:
        self.network = network
        self.decodes = bool(getattr(network.config, "is_encoder_decoder", False))
        self.body = network.get_decoder() if self.decodes else network.base_model
        probe = torch.tensor([[0, 1, 0]], device=network.device)
        self._extra: dict[str, Any] = {}
        with torch.inference_mode():
            if self.decodes:
                self._extra["encoder_outputs"] = network.get_encoder()(input_ids=probe)
                whole = network(decoder_input_ids=probe, **self._extra).logits[0]
                states = self._extra["encoder_outputs"].last_hidden_state
                self._output = self.body(input_ids=probe, encoder_hidden_states=states)
            else:
                whole = network(input_ids=probe).logits[0]
                self._output = self.body(input_ids=probe)
            apart = None if self.body is network else self(self._output.last_hidden_state[0])
        tolerance = 1e-4 if network.dtype == torch.float32 else 0.1
        if apart is None or not torch.allclose(whole.float(), apart.float(), atol=tolerance, rtol=tolerance):
            raise PsylmError(
                f"{type(network).__name__}: its output layer cannot be run apart from its body; "
                "psylm cannot score with it"
            )
        self.size: int = whole.shape[-1]

    def __call__(self, hidden: Tensor) -> Tensor:
        """Return the logits [rows, vocabulary] of hidden states [rows, width]."""
        read = torch.zeros(1, len(hidden), dtype=torch.long, device=hidden.device)
        with self._body_returning(hidden[None]):
            if self.decodes:
                logits: Tensor = self.network(decoder_input_ids=read, **self._extra).logits
            else:
                logits = self.network(input_ids=read).logits
        return logits[0]

    @contextmanager
    def _body_returning(self, hidden: Tensor) -> Iterator[None]:
        output = type(self._output)(last_hidden_state=hidden)
        self.body.forward = lambda *_args, **_kwargs: output
        try:
            yield
        finally:
            del self.body.forward
