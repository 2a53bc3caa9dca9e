"""How a sentence-transformers folder says that texts become vectors: pooling, dense layers, normalisation."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from psylm.common.errors import InputError, Problem, PsylmError
from psylm.models.names import MODULES

UNLIMITED = 10**9
"""From here on, a longest text that a tokenizer states means that it states none."""

POOLING = {
    "cls": "cls",
    "max": "max",
    "mean": "mean",
    "mean_sqrt_len_tokens": "root",
    "weightedmean": "weighted",
    "lasttoken": "last",
}
"""sentence-transformers' modes of pooling by psylm's names, in the order that several have in older folders."""

OLDER = {"cls_token": "cls", "max_tokens": "max", "mean_tokens": "mean", "weightedmean_tokens": "weightedmean"}
"""Older keys `pooling_mode_…` that differ from the mode's name."""

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "Identity": lambda vectors: vectors,
    "Tanh": torch.tanh,
    "ReLU": torch.relu,
    "GELU": nn.functional.gelu,
    "Sigmoid": torch.sigmoid,
}
"""Activations of a dense layer, by the name of torch's class; nothing else that a file names is run."""


@dataclass(frozen=True)
class Dense:
    """A layer that maps pooled vectors [texts, width] to another width."""

    weight: Tensor
    bias: Tensor | None
    activation: str

    def __call__(self, vectors: Tensor) -> Tensor:
        """Return the mapped vectors."""
        bias = None if self.bias is None else self.bias.to(vectors)
        return ACTIVATIONS[self.activation](nn.functional.linear(vectors, self.weight.to(vectors), bias))


@dataclass(frozen=True)
class Recipe:
    """How a model makes one vector of a text, as its folder says.

    Parameters
    ----------
    pooling
        Names of poolings; the vectors of several stand side by side.
    dense
        Layers that map the pooled vector.
    normalise
        Whether vectors have length 1.
    prompt
        What is put before every text.
    lowercase
        Whether texts are lower-cased first.
    window
        Tokens of a text at most, special tokens included; None for what the network allows.
    """

    pooling: tuple[str, ...] = ("mean",)
    dense: tuple[Dense, ...] = ()
    normalise: bool = False
    prompt: str = ""
    lowercase: bool = False
    window: int | None = None

    def within(self, window: int | None) -> int | None:
        """Return the smaller of the network's window and the recipe's."""
        return min((one for one in (window, self.window) if one is not None), default=None)


def read_recipe(folder: Path) -> Recipe:
    """Read how a sentence-transformers folder makes vectors; of another folder, the mean of tokens.

    Parameters
    ----------
    folder
        The model's folder. Its files are read as data: a module that is not known here is refused, never imported.

    Raises
    ------
    PsylmError
        The folder asks for a module, pooling or activation that psylm does not have.
    """
    if not (folder / MODULES).is_file():
        return Recipe()
    pooling: tuple[str, ...] = ("mean",)
    dense: list[Dense] = []
    normalise = False
    for module in _json(folder / MODULES):
        kind, place = str(module["type"]).rpartition(".")[2], folder / str(module["path"])
        if kind == "Transformer" and place == folder:
            continue
        if kind == "Pooling" and not dense and not normalise:
            pooling = _poolings(_json(place / "config.json"), place)
        elif kind == "Dense" and not normalise:
            dense.append(_dense(place))
        elif kind == "Normalize":
            normalise = True
        else:
            raise InputError(
                Problem(
                    f"{folder / MODULES}, module {module['idx']}",
                    f"{module['type']} in {module['path'] or 'the folder itself'}",
                    "a Transformer in the folder itself, then Pooling, Dense, Normalize",
                )
            )
    about, limits = _optional(folder / "config_sentence_transformers.json"), _limits(folder)
    prompt = about.get("prompts", {}).get(about.get("default_prompt_name"), "")
    longest = limits.get("max_seq_length") or _optional(folder / "tokenizer_config.json").get("model_max_length")
    window = int(longest) if longest and longest < UNLIMITED else None
    return Recipe(pooling, tuple(dense), normalise, str(prompt), bool(limits.get("do_lower_case")), window)


def _poolings(config: dict[str, Any], place: Path) -> tuple[str, ...]:
    if config.get("include_prompt", True) is False:
        raise InputError(Problem(str(place / "config.json"), "include_prompt: false", "prompts that are pooled too"))
    modes = config.get("pooling_mode")
    if modes is None:  # folders of older versions have a key a mode
        there = [key.removeprefix("pooling_mode_") for key, value in config.items() if value is True]
        named = {OLDER.get(name, name) for name in there}
        modes = [mode for mode in POOLING if mode in named] or ["mean"]
    modes = [modes] if isinstance(modes, str) else modes
    strange = set(modes) - set(POOLING)
    if strange:
        raise InputError(
            Problem(str(place / "config.json"), ", ".join(sorted(strange)), "one of " + ", ".join(POOLING))
        )
    return tuple(POOLING[mode] for mode in modes)


def _dense(place: Path) -> Dense:
    config = _json(place / "config.json")
    activation = str(config.get("activation_function", "Tanh")).rpartition(".")[2]
    if activation not in ACTIVATIONS or config.get("use_residual"):
        found = "a residual connection" if config.get("use_residual") else activation
        raise InputError(Problem(str(place / "config.json"), found, "one of " + ", ".join(ACTIVATIONS)))
    file = place / "model.safetensors"
    if not file.is_file():
        raise PsylmError(f"{place}: found no model.safetensors; psylm loads safetensors only")
    weights = load_file(file)
    return Dense(weights["linear.weight"], weights.get("linear.bias"), activation)


def _limits(folder: Path) -> dict[str, Any]:
    names = ("sentence_bert_config.json", "sentence_roberta_config.json", "sentence_distilbert_config.json")
    return next((_json(folder / name) for name in names if (folder / name).is_file()), {})


def _optional(file: Path) -> dict[str, Any]:
    return _json(file) if file.is_file() else {}


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(Problem(str(file), f"no readable JSON ({error})", "a part of the model")) from None
