"""The part of a network that turns hidden states into logits."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from psylm.common.errors import PsylmError

NETWORK_ERRORS = (AttributeError, IndexError, KeyError, NotImplementedError, RuntimeError, TypeError, ValueError)
"""What a network raises that is called in a way that it was not made for."""


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
        probe = torch.tensor([[0, 1, 0]], device=network.device)
        self._extra: dict[str, Any] = {}
        if "use_cache" in inspect.signature(network.forward).parameters:
            self._extra["use_cache"] = False
        read: dict[str, Any] = {"input_ids": probe}
        with torch.inference_mode():
            try:
                if self.decodes:
                    self._extra["encoder_outputs"] = network.get_encoder()(input_ids=probe)
                    read["encoder_hidden_states"] = self._extra["encoder_outputs"].last_hidden_state
                    whole = network(decoder_input_ids=probe, **self._extra).logits[0]
                else:
                    read |= self._extra
                    whole = network(**read).logits[0]
            except NETWORK_ERRORS as error:
                raise PsylmError(f"{type(network).__name__}: three tokens cannot be read ({error})") from error
            self.size: int = whole.shape[-1]
            for body in self._bodies():
                self.body = body
                if self._is_body(read, whole):
                    return
        raise PsylmError(
            f"{type(network).__name__}: its output layer cannot be run apart from its body; psylm cannot score with it"
        )

    def _is_body(self, read: dict[str, Any], whole: Tensor) -> bool:
        """Whether the logits of what the body makes of some tokens are those of the network as a whole."""
        tolerance = 1e-4 if self.network.dtype == torch.float32 else 0.1
        try:
            self._output = self.body(**read)
            apart = self(self._output.last_hidden_state[0])
        except NETWORK_ERRORS:
            return False  # it reads or gives something else
        return bool(torch.allclose(whole.float(), apart.float(), atol=tolerance, rtol=tolerance))

    def _bodies(self) -> Iterator[Any]:
        """Yield what may be the network's body: mostly `base_model`, but the decoder in it of OPT and its kin."""
        from transformers import PreTrainedModel

        if self.decodes:
            yield self.network.get_decoder()
            return
        if self.network.base_model is not self.network:
            yield self.network.base_model
        parts = (module for module in self.network.modules() if isinstance(module, PreTrainedModel))
        yield from (part for part in parts if part is not self.network and part is not self.network.base_model)

    def __call__(self, hidden: Tensor) -> Tensor:
        """Return the logits [rows, vocabulary] of hidden states [rows, width]."""
        read = torch.zeros(1, len(hidden), dtype=torch.long, device=hidden.device)
        with self._body_returning(hidden[None]):
            if self.decodes:
                logits: Tensor = self.network(decoder_input_ids=read, **self._extra).logits
            else:
                logits = self.network(input_ids=read, **self._extra).logits
        return logits[0]

    @contextmanager
    def _body_returning(self, hidden: Tensor) -> Iterator[None]:
        output = type(self._output)(last_hidden_state=hidden)
        self.body.forward = lambda *_args, **_kwargs: output
        try:
            yield
        finally:
            del self.body.forward
