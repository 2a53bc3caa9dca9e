"""Language models: names, loading, and one adapter a family."""

from psylm.models.base import LanguageModel, ModelInfo
from psylm.models.causal import CausalModel
from psylm.models.load import load_model, load_tokenizer
from psylm.models.masked import MaskedModel
from psylm.models.permuted import PermutedModel
from psylm.models.query import Query
from psylm.models.seq2seq import Seq2SeqModel
from psylm.models.sources import ModelSource

__all__ = [
    "CausalModel",
    "LanguageModel",
    "MaskedModel",
    "ModelInfo",
    "ModelSource",
    "PermutedModel",
    "Query",
    "Seq2SeqModel",
    "load_model",
    "load_tokenizer",
]
