"""Language models: names, loading, and one adapter a family."""

from psylm.models.base import LanguageModel, ModelInfo, Query
from psylm.models.causal import CausalModel
from psylm.models.load import load_model, load_tokenizer
from psylm.models.masked import MaskedModel
from psylm.models.sources import ModelSource

__all__ = [
    "CausalModel",
    "LanguageModel",
    "MaskedModel",
    "ModelInfo",
    "ModelSource",
    "Query",
    "load_model",
    "load_tokenizer",
]
