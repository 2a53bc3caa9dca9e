"""From-scratch models: the equations as readable, trainable code, and what trains them."""

from psylm.scratch.attention import MultiHeadAttention, attention_weights, scaled_dot_product
from psylm.scratch.bert import BERT, RoBERTa
from psylm.scratch.elmo import ELMo
from psylm.scratch.gpt import GPT
from psylm.scratch.layers import Shape
from psylm.scratch.lstm import LSTM
from psylm.scratch.transfer import load_transformers, save_transformers
from psylm.scratch.transformer import Transformer
from psylm.scratch.xlnet import XLNet

__all__ = [
    "BERT",
    "GPT",
    "LSTM",
    "ELMo",
    "MultiHeadAttention",
    "RoBERTa",
    "Shape",
    "Transformer",
    "XLNet",
    "attention_weights",
    "load_transformers",
    "save_transformers",
    "scaled_dot_product",
]
