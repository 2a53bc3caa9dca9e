"""Language models: names, loading, and one adapter a family.

The names below are imported when they are first used, so that what needs no model is quick.
"""

from typing import TYPE_CHECKING

from psylm.common.lazy import offers

if TYPE_CHECKING:
    from psylm.models.base import LanguageModel as LanguageModel
    from psylm.models.base import ModelInfo as ModelInfo
    from psylm.models.causal import CausalModel as CausalModel
    from psylm.models.load import load_model as load_model
    from psylm.models.load import load_tokenizer as load_tokenizer
    from psylm.models.masked import MaskedModel as MaskedModel
    from psylm.models.names import ModelSource as ModelSource
    from psylm.models.permuted import PermutedModel as PermutedModel
    from psylm.models.query import Query as Query
    from psylm.models.seq2seq import Seq2SeqModel as Seq2SeqModel

__getattr__, __dir__ = offers(
    __name__,
    {
        "CausalModel": "psylm.models.causal",
        "LanguageModel": "psylm.models.base",
        "MaskedModel": "psylm.models.masked",
        "ModelInfo": "psylm.models.base",
        "ModelSource": "psylm.models.names",
        "PermutedModel": "psylm.models.permuted",
        "Query": "psylm.models.query",
        "Seq2SeqModel": "psylm.models.seq2seq",
        "load_model": "psylm.models.load",
        "load_tokenizer": "psylm.models.load",
    },
)
