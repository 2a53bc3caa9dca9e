"""Any text architecture that `transformers` maps, made tiny by rule: its configuration, weights and a tokenizer."""

from __future__ import annotations

import inspect
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
import transformers
from huggingface_hub.errors import StrictDataclassClassValidationError
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import CONFIG_MAPPING, BertConfig, EncoderDecoderConfig, PreTrainedConfig, PreTrainedTokenizerFast
from transformers.models.auto import modeling_auto
from transformers.pytorch_utils import Conv1D

from benchmarks.tiny_tables import (
    ALIASES,
    DECODERS,
    ENCODERS,
    EXCEPTIONS,
    FAMILIES,
    OTHER_INPUT,
    OTHER_TYPES,
    SENTINEL,
    SENTINELS,
    SIZE_OF,
    SPECIAL,
    VARIANTS,
    VOCABULARY,
    WORDS,
)


@dataclass(frozen=True)
class Tiny:
    """A tiny model that is to be made.

    Parameters
    ----------
    model_type
        As `transformers` calls it.
    architecture
        Name of the class.
    family
        What psylm takes it for.
    variant
        What is changed in it, empty for its own defaults.
    changes
        Keys of its configuration.
    """

    model_type: str
    architecture: str
    family: str
    variant: str = ""
    changes: dict[str, Any] = field(default_factory=dict, hash=False)

    @property
    def name(self) -> str:
        return self.architecture + (f"[{self.variant}]" if self.variant else "")


IDENTITIES = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2}

MAPPINGS = {
    "causal": modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    "masked": modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    "seq2seq": modeling_auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
}


def config_of(tiny: Tiny) -> Any:
    """Return its tiny configuration."""
    if tiny.model_type == "encoder-decoder":
        return EncoderDecoderConfig.from_encoder_decoder_configs(
            *(BertConfig(**_shrunk(BertConfig(), tiny)) for _ in range(2)), **IDENTITIES, decoder_start_token_id=0
        )
    default = _default(tiny.model_type)
    return type(default)(**_shrunk(default, tiny))


def _shrunk(default: Any, tiny: Tiny) -> dict[str, Any]:
    kind = type(default)
    known = {key: value for key, value in vars(default).items() if not key.startswith("_")}
    taken = set(inspect.signature(kind).parameters) | set(known)
    changed = {key: size for key, size in SIZE_OF.items() if isinstance(known.get(key), int | float) and key in taken}
    needed = {key: SIZE_OF[key] for key in ("head_dim", "num_experts_per_tok", "n_routed_experts", "qk_nope_head_dim")}
    changed |= {key: size for key, size in needed.items() if key in known and known[key] is None}
    if known.get("num_key_value_heads") == known.get("num_attention_heads") and "num_key_value_heads" in changed:
        changed["num_key_value_heads"] = 4
    types = known.get("layer_types")
    if types and "num_hidden_layers" in changed:
        layers = max(2, 1 + max(types.index(one) for one in set(types)))
        changed |= {"num_hidden_layers": layers, "layer_types": list(types[:layers])}
        if known.get("mlp_layer_types"):
            changed["mlp_layer_types"] = list(known["mlp_layer_types"][:layers])
    changed |= {"vocab_size": VOCABULARY} | IDENTITIES
    for part in ("encoder", "decoder"):
        if isinstance(known.get(part), PreTrainedConfig):
            changed[part] = _shrunk(known[part], tiny)
    if known.get("is_encoder_decoder"):
        changed["decoder_start_token_id"] = 2
    if "mask_token_id" in known:
        changed["mask_token_id"] = 4
    changed |= EXCEPTIONS.get(tiny.model_type, {}) | EXCEPTIONS.get(tiny.architecture, {}) | tiny.changes
    return changed


def tokenizer(tiny: Tiny) -> PreTrainedTokenizerFast:
    """Return a byte-level tokenizer whose special tokens stand where RoBERTa's do."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=[*SPECIAL.values(), SENTINEL], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    made.train_from_iterator([" " + " ".join(WORDS)], trainer)
    around = {"causal": "$A", "seq2seq": "$A </s>", "permuted": "$A </s> <s>"}.get(tiny.family, "<s> $A </s>")
    made.post_processor = processors.TemplateProcessing(single=around, special_tokens=[("<s>", 0), ("</s>", 2)])
    named = dict(SPECIAL)
    if tiny.family == "seq2seq" and tiny.model_type not in SENTINELS:
        made.add_special_tokens(["<mask>"])
    elif tiny.family == "seq2seq":
        del named["mask_token"]
    return PreTrainedTokenizerFast(tokenizer_object=made, **named)


def save(tiny: Tiny, folder: Path) -> None:
    """Write the model, its weights drawn at random, with its tokenizer, as `transformers` does."""
    torch.manual_seed(zlib.crc32(tiny.name.encode()))
    network = getattr(transformers, tiny.architecture)(config_of(tiny))
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.Linear | torch.nn.Embedding | Conv1D) and module.weight.std() < 0.1:
                module.weight.normal_(std=0.15)
    network.save_pretrained(folder)
    fast = tokenizer(tiny)
    assert len(fast) <= VOCABULARY, len(fast)
    fast.save_pretrained(folder)


def candidates() -> Iterator[Tiny]:
    """Yield every architecture of the mappings once a family, with its variants."""
    seen: set[tuple[str, str]] = set()
    for mapped, mapping in MAPPINGS.items():
        for model_type, architecture in mapping.items():
            family = FAMILIES.get(architecture, mapped)
            if (
                model_type in ALIASES
                or (architecture, family) in seen
                or (mapped == "masked" and architecture.endswith("Generation"))
            ):
                continue
            seen.add((architecture, family))
            yield Tiny(model_type, architecture, family, "", DECODERS.get(architecture, {}))
            for variant, changes in {**VARIANTS.get(architecture, {}), **_common(model_type, architecture)}.items():
                yield Tiny(model_type, architecture, family, variant, changes)
    for model_type, body in modeling_auto.MODEL_MAPPING_NAMES.items():
        if isinstance(body, str) and any(model_type in mapping for mapping in MAPPINGS.values()):
            yield Tiny(model_type, ENCODERS.get(model_type, body), "encoder")


def _common(model_type: str, architecture: str) -> dict[str, dict[str, Any]]:
    """Return variants that every architecture has whose configuration knows of them."""
    known = vars(_default(model_type))
    tied = known.get("tie_word_embeddings")
    found: dict[str, dict[str, Any]] = {}
    if reads_more_than_text(model_type):
        return found
    if tied is not None:
        found["untied" if tied else "tied"] = {"tie_word_embeddings": not tied} | DECODERS.get(architecture, {})
    if known.get("sliding_window") and not known.get("layer_types"):
        found["no window"] = {"sliding_window": None}
    return found


def reads_more_than_text(model_type: str) -> bool:
    """Whether a model of the type reads images or sound as well."""
    known = vars(_default(model_type))
    return any(key in known for key in OTHER_INPUT) or model_type in OTHER_TYPES


def _default(model_type: str) -> Any:
    try:
        return CONFIG_MAPPING[model_type]()
    except StrictDataclassClassValidationError:
        return SimpleNamespace()  # a part of another model that has no configuration of its own
