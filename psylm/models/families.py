"""Model families: what a kind of language model can do, how it is loaded, and what asks it; one record a family.

Reading a record imports no torch: its adapter is imported when a model is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from psylm.common.lazy import object_named
from psylm.common.registry import Registry

if TYPE_CHECKING:
    from psylm.models.base import LanguageModel

Ability = Literal[
    "words", "sentences", "pseudo_likelihood", "blanks", "continuations", "prompts", "attention", "hidden_states"
]
"""What a measure can ask of a model: the probability of a word in its text; that of a sentence, token by token in its
natural order; of each token given both its sides; of what fills a blank; of a text after another; of a reply to an
instruction; and its attention or its hidden states."""

Hiding = Literal["within_word", "original", "whole_word", "later"]
"""What a model that can see both sides must not see while it predicts a token of a word: this token and the word's
later ones, this token alone, the whole word, or this token and all that follows it in the text."""

ABILITIES: tuple[Ability, ...] = get_args(Ability)


@dataclass(frozen=True)
class Family:
    """A family of language models.

    Parameters
    ----------
    name
        What results call it.
    adapter
        The class that asks its models, a `psylm.models.base.LanguageModel`: `MODULE:CLASS`, or `PATH.py:CLASS` for a
        study's own.
    abilities
        What its models can be asked for. Without `words` they have no output layer.
    endings
        Endings of the `transformers` class names that belong to it. Where several families' fit, the longest does.
    loader
        The class of `transformers` that loads it; empty where `transformers` does not.
    loaders
        Other classes that load it, by `model_type`.
    left_to_right
        Whether a word is predicted from what stands before it only.
    starts
        Whether what stands before a text is a choice (`psylm.models.start`); if not, every text stands between the
        tokenizer's own special tokens.
    masks
        Whether it predicts where a mask token stands, without which a tokenizer is of no use.
    two_streams
        Whether a second stream, which knows the place but not the token, predicts (XLNet).
    source_apart
        Whether an encoder reads the text and a decoder writes what is predicted.
    article
        "a" or "an", for messages.

    Examples
    --------
    >>> FAMILIES["causal"].left_to_right, FAMILIES["recurrent"].attends, FAMILIES["encoder"].predicts
    (True, False, False)
    """

    name: str
    adapter: str
    abilities: frozenset[Ability]
    endings: tuple[str, ...] = ()
    loader: str = ""
    loaders: Mapping[str, str] = field(default_factory=dict)
    left_to_right: bool = False
    starts: bool = False
    masks: bool = False
    two_streams: bool = False
    source_apart: bool = False
    article: str = "a"

    @property
    def predicts(self) -> bool:
        """Whether it has an output layer."""
        return "words" in self.abilities

    @property
    def attends(self) -> bool:
        """Whether it has attention; others carry a state from token to token, or only count."""
        return "attention" in self.abilities

    @property
    def in_order(self) -> bool:
        """Whether it reads a text in the natural order, so that a word is predicted before what follows is seen."""
        return self.left_to_right or self.two_streams

    @property
    def described(self) -> str:
        """What messages call one of its models: "a causal model"."""
        return f"{self.article} {self.name} model"

    def fit_of(self, architecture: str) -> int:
        """Return how many characters of a class name's end are those of the family; 0 where it is none of it."""
        return max((len(ending) for ending in self.endings if architecture.endswith(ending)), default=0)

    def adapter_class(self) -> type[LanguageModel]:
        """Import the adapter, which imports torch."""
        made: type[LanguageModel] = object_named(self.adapter)
        return made

    def loader_of(self, model_type: str) -> Any:
        """Import the class of `transformers` that loads a model of some type."""
        import transformers

        return getattr(transformers, self.loaders.get(model_type, self.loader))


FAMILIES: Registry[Family] = Registry("family", folder="families")
"""Every family by name: those below, and those of the study's own `families/`."""


def family(record: Family) -> Family:
    """Register a family."""
    return FAMILIES.add(record.name, record)


family(
    Family(
        "causal",
        "psylm.models.causal:CausalModel",
        frozenset(["words", "sentences", "blanks", "continuations", "prompts", "attention", "hidden_states"]),
        endings=("ForCausalLM", "LMHeadModel", "BertGenerationDecoder"),
        loader="AutoModelForCausalLM",
        left_to_right=True,
        starts=True,
    )
)
family(
    Family(
        "masked",
        "psylm.models.masked:MaskedModel",
        frozenset(["words", "pseudo_likelihood", "blanks", "attention", "hidden_states"]),
        endings=("ForMaskedLM", "XLMWithLMHeadModel", "FlaubertWithLMHeadModel"),
        loader="AutoModelForMaskedLM",
        masks=True,
    )
)
family(
    Family(
        "permuted",
        "psylm.models.permuted:PermutedModel",
        frozenset(["words", "sentences", "pseudo_likelihood", "blanks", "continuations", "attention", "hidden_states"]),
        endings=("XLNetLMHeadModel",),
        loader="XLNetLMHeadModel",
        starts=True,
        two_streams=True,
    )
)
family(
    Family(
        "seq2seq",
        "psylm.models.seq2seq:Seq2SeqModel",
        frozenset(["words", "blanks", "continuations", "prompts", "attention", "hidden_states"]),
        endings=("ForConditionalGeneration", "MarianMTModel", "EncoderDecoderModel"),
        loader="AutoModelForSeq2SeqLM",
        source_apart=True,
    )
)
family(
    Family(
        "recurrent",
        "psylm.models.trained:RecurrentModel",
        frozenset(["words", "sentences", "blanks", "continuations", "hidden_states"]),
        left_to_right=True,
        starts=True,
    )
)
family(
    Family(
        "ngram",
        "psylm.models.ngram:NgramModel",
        frozenset(["words", "sentences", "continuations"]),
        left_to_right=True,
        article="an",
    )
)
family(
    Family(
        "encoder",
        "psylm.models.encoder:EncoderModel",
        frozenset(["attention", "hidden_states"]),
        endings=("Model",),
        loader="AutoModel",
        loaders={"t5": "T5EncoderModel", "mt5": "MT5EncoderModel", "umt5": "UMT5EncoderModel"},
        article="an",
    )
)
