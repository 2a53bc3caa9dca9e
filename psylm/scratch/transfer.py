"""Weights to and from the form of `transformers`, where an architecture is the same: BERT and GPT-2."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from psylm.common.errors import PsylmError
from psylm.scratch.bert import BERT, RoBERTa
from psylm.scratch.gpt import GPT
from psylm.scratch.layers import Shape

BERT_PARTS = {
    "embedding.": "bert.embeddings.word_embeddings.",
    "stack.positions.table.": "bert.embeddings.position_embeddings.",
    "segment.": "bert.embeddings.token_type_embeddings.",
    "embedding_norm.": "bert.embeddings.LayerNorm.",
    "stack.layers.": "bert.encoder.layer.",
    ".attention.W_Q.": ".attention.self.query.",
    ".attention.W_K.": ".attention.self.key.",
    ".attention.W_V.": ".attention.self.value.",
    ".attention.W_O.": ".attention.output.dense.",
    ".attention_norm.": ".attention.output.LayerNorm.",
    ".feed_forward.W_1.": ".intermediate.dense.",
    ".feed_forward.W_2.": ".output.dense.",
    ".feed_forward_norm.": ".output.LayerNorm.",
    "transform.": "cls.predictions.transform.dense.",
    "transform_norm.": "cls.predictions.transform.LayerNorm.",
    "output_bias": "cls.predictions.bias",
    "pooler.": "bert.pooler.dense.",
    "is_next.": "cls.seq_relationship.",
}
"""Parts of our BERT's names, and what `transformers` calls them."""

GPT_PARTS = {
    "embedding.": "transformer.wte.",
    "stack.positions.table.": "transformer.wpe.",
    "stack.layers.": "transformer.h.",
    "stack.norm.": "transformer.ln_f.",
    ".attention_norm.": ".ln_1.",
    ".attention.W_O.": ".attn.c_proj.",
    ".feed_forward_norm.": ".ln_2.",
    ".feed_forward.W_1.": ".mlp.c_fc.",
    ".feed_forward.W_2.": ".mlp.c_proj.",
}
"""Parts of our GPT's names, and what `transformers` calls them; W_Q, W_K and W_V are one matrix there."""

BERT_SHAPE = {
    "vocabulary": "vocab_size",
    "layers": "num_hidden_layers",
    "width": "hidden_size",
    "heads": "num_attention_heads",
    "inner": "intermediate_size",
    "context": "max_position_embeddings",
    "dropout": "hidden_dropout_prob",
    "activation": "hidden_act",
    "epsilon": "layer_norm_eps",
    "segments": "type_vocab_size",
}
GPT_SHAPE = {
    "vocabulary": "vocab_size",
    "layers": "n_layer",
    "width": "n_embd",
    "heads": "n_head",
    "inner": "n_inner",
    "context": "n_positions",
    "dropout": "resid_pdrop",
    "activation": "activation_function",
    "epsilon": "layer_norm_epsilon",
}
"""Parts of a shape, and the keys of a configuration of theirs."""

ACTIVATIONS = {"gelu": "gelu", "gelu_tanh": "gelu_new", "relu": "relu"}


def load_transformers(folder: Path, *, heads: bool = True, dropout: float | None = None) -> BERT | GPT:
    """Load the weights of a `transformers` BERT or GPT-2 into ours; nothing in the folder is executed.

    Parameters
    ----------
    folder
        A folder that `save_pretrained` wrote, with safetensors.
    heads
        Whether the output layer must be there. Without, what is absent stays as drawn at random, to be trained.
    dropout
        Share of activations to drop in training; by default what the model was trained with.

    Raises
    ------
    PsylmError
        The model is of another architecture, or lacks weights.
    """
    from safetensors.torch import load_file

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if dropout is not None:
        config |= {"hidden_dropout_prob": dropout, "resid_pdrop": dropout}
    theirs: dict[str, Tensor] = {}
    for file in sorted(folder.glob("*.safetensors")):
        theirs |= load_file(file)
    kind = config.get("model_type")
    if kind == "bert":
        make = BERT if "cls.seq_relationship.weight" in theirs else RoBERTa
        model: BERT | GPT = make(_shape(config, BERT_SHAPE, BERT.defaults))
        prefix = "bert."
    elif kind == "gpt2":
        model, prefix = GPT(_shape(config, GPT_SHAPE, GPT.defaults)), "transformer."
        theirs = _split_projections(theirs)
    else:
        raise PsylmError(f"{folder}: found a model of type {kind!r}; expected bert or gpt2")
    state = model.state_dict()
    taken = {}
    for name in state:
        there = _their_name(name, kind)
        found = theirs.get(there, theirs.get(there.removeprefix(prefix)))
        if found is not None:
            taken[name] = _turned(found, there, kind).to(state[name].dtype)
    absent = sorted(set(state) - set(taken))
    needed = absent if heads else [name for name in absent if name.startswith(("embedding", "stack", "segment"))]
    if needed:
        raise PsylmError(f"{folder}: found no weights for {', '.join(needed[:3])}; expected all of them")
    model.load_state_dict(state | taken)
    return model


def shorten(model: BERT | GPT, context: int) -> None:
    """Cut off the positions beyond a context: those that are not trained are not to be offered.

    Parameters
    ----------
    model
        A model whose positions are learned; it is changed.
    context
        Tokens that it is to read at most.
    """
    table = model.stack.positions.table
    table.weight = nn.Parameter(table.weight.detach()[:context].clone())
    table.num_embeddings = context
    model.shape = model.shape.with_(context=context)


def save_transformers(model: nn.Module, folder: Path, tokenizer: Any, dtype: torch.dtype = torch.float32) -> None:
    """Save a BERT, RoBERTa or GPT of ours as `transformers` loads it.

    Parameters
    ----------
    model
        The model. Its positions are learned, and LayerNorm stands where the architecture's paper has it.
    folder
        Where to write `config.json`, `model.safetensors` and the tokenizer.
    tokenizer
        Its tokenizer.
    dtype
        What to write weights as.

    Raises
    ------
    PsylmError
        `transformers` has no such architecture.
    """
    from safetensors.torch import save_file

    config = _config(model, tokenizer)
    kind = config["model_type"]
    state = {_their_name(name, kind): tensor for name, tensor in model.state_dict().items()}
    state = {name: _turned(tensor, name, kind) for name, tensor in state.items()}
    if kind == "gpt2":
        state = _join_projections(state)
    elif "bert.embeddings.token_type_embeddings.weight" not in state:
        state["bert.embeddings.token_type_embeddings.weight"] = torch.zeros(1, config["hidden_size"])
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.detach().to(dtype).contiguous().clone() for name, tensor in state.items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    tokenizer.model_max_length = model.shape.context
    tokenizer.save_pretrained(folder)
    config["dtype"] = str(dtype).removeprefix("torch.")
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def _their_name(name: str, kind: str) -> str:
    if kind == "bert":
        if name.startswith("stack.layers."):
            for ours, theirs in BERT_PARTS.items():
                name = name.replace(ours, theirs) if ours.startswith(".") or ours == "stack.layers." else name
            return name
        ours = max((part for part in BERT_PARTS if name.startswith(part)), key=len)
        return BERT_PARTS[ours] + name.removeprefix(ours)
    for ours, theirs in GPT_PARTS.items():
        name = name.replace(ours, theirs)
    return name


def _turned(tensor: Tensor, their_name: str, kind: str) -> Tensor:
    """Transpose the matrices that GPT-2 keeps the other way round."""
    matrix = kind == "gpt2" and their_name.endswith(("c_proj.weight", "c_fc.weight"))
    return tensor.T if matrix else tensor


def _split_projections(theirs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Divide GPT-2's joint projection into queries, keys and values."""
    out = {}
    for name, tensor in theirs.items():
        if ".attn.c_attn." in name:
            for part, piece in zip("QKV", tensor.chunk(3, -1), strict=True):
                ours = name.replace("attn.c_attn", f"attention.W_{part}")
                out[ours] = piece.T if name.endswith("weight") else piece
        else:
            out[name] = tensor
    return out


def _join_projections(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Put queries, keys and values side by side, as GPT-2 has them."""
    out = {name: tensor for name, tensor in state.items() if ".attention.W_" not in name}
    for name in state:
        if ".attention.W_Q." in name:
            parts = [state[name.replace("W_Q", f"W_{part}")] for part in "QKV"]
            parts = [part.T if name.endswith("weight") else part for part in parts]
            out[name.replace("attention.W_Q", "attn.c_attn")] = torch.cat(parts, -1)
    return out


def _shape(config: dict[str, Any], keys: dict[str, str], defaults: dict[str, Any]) -> Shape:
    """Return the shape that a configuration of theirs states."""
    stated = {ours: config[theirs] for ours, theirs in keys.items() if config.get(theirs) is not None}
    if "activation" in stated:
        stated["activation"] = _activation(stated["activation"])
    return Shape(**{**defaults, **stated})


def _activation(theirs: str) -> Any:
    known = {name: ours for ours, name in ACTIVATIONS.items()}
    if theirs not in known:
        raise PsylmError(f"activation {theirs!r}: expected one of {', '.join(known)}")
    return known[theirs]


def _config(model: nn.Module, tokenizer: Any) -> dict[str, Any]:
    shape: Shape = model.shape
    usual = "before" if isinstance(model, GPT) else "after"
    if not isinstance(model, BERT | GPT) or shape.positions != "learned" or shape.normalise != usual:
        raise PsylmError(
            f"{type(model).__name__}: transformers has no such architecture with {shape.positions} positions"
        )
    tokens = {
        f"{token}_token_id": getattr(tokenizer, f"{token}_token_id")
        for token in ("bos", "eos", "pad")
        if getattr(tokenizer, f"{token}_token_id") is not None
    }
    if isinstance(model, GPT):
        kind, architecture, keys = "gpt2", "GPT2LMHeadModel", GPT_SHAPE
        dropouts = ["attn_pdrop", "embd_pdrop"]
    else:
        kind, architecture = "bert", "BertForPreTraining" if model.next_sentence else "BertForMaskedLM"
        keys, dropouts = BERT_SHAPE, ["attention_probs_dropout_prob"]
    stated = {theirs: getattr(shape, ours) for ours, theirs in keys.items()}
    stated[keys["activation"]] = ACTIVATIONS[shape.activation]
    if "segments" in keys:
        stated[keys["segments"]] = max(shape.segments, 1)
    named = {"architectures": [architecture], "model_type": kind}
    return tokens | named | stated | dict.fromkeys(dropouts, shape.dropout)
