"""Whether a network that is taken for a left-to-right one reads so."""

from __future__ import annotations

import torch

from psylm.errors import PsylmError
from psylm.models.base import LanguageModel
from psylm.models.padding import trial_tokens

LENGTH = 24
"""Tokens of the text on which it is tried."""

NOTICEABLE = 0.01
"""Difference of logits, in parts of the largest, that is no rounding, whatever the precision of float32 or bfloat16."""


def require_left_to_right(model: LanguageModel) -> None:
    """Raise where the logits at a place change with what follows it.

    A BERT that is saved as a decoder but whose configuration does not say `is_decoder`, for example, reads both sides:
    the word that it predicts is among what it has read.
    """
    window = model.info.window or LENGTH
    ids = [number % model.head.size for number in trial_tokens(min(LENGTH, window), 0)]
    other = [*ids[: len(ids) // 2], *ids[: len(ids) - len(ids) // 2]]
    with torch.inference_mode():
        logits = model.network(input_ids=torch.tensor([ids, other], device=model.network.device)).logits.float()
    one, same = logits[:, : len(ids) // 2]
    if not (one - same).abs().max() <= NOTICEABLE * one.abs().max():
        raise PsylmError(
            f"model {model.info.name!r}: found a {model.info.architecture} whose predictions change with what follows "
            "them; expected a network that reads from left to right (a decoder made of an encoder says "
            "`is_decoder: true` in its config.json)"
        )
