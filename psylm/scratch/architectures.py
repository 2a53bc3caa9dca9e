"""Architectures by name."""

from __future__ import annotations

from typing import Any

from torch import nn

from psylm.scratch.bert import BERT, RoBERTa
from psylm.scratch.elmo import ELMo
from psylm.scratch.gpt import GPT
from psylm.scratch.layers import Shape
from psylm.scratch.lstm import LSTM
from psylm.scratch.xlnet import XLNet

ARCHITECTURES: dict[str, Any] = {
    "gpt": GPT,
    "bert": BERT,
    "roberta": RoBERTa,
    "xlnet": XLNet,
    "lstm": LSTM,
    "elmo": ELMo,
}


def make_model(architecture: str, shape: Shape) -> nn.Module:
    """Return a model of an architecture, with weights drawn at random."""
    model: nn.Module = ARCHITECTURES[architecture](shape)
    return model
