"""From a model's name to a loaded model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from psylm.common.errors import InputError, Problem, PsylmError
from psylm.common.sizes import bytes_of
from psylm.models.base import LanguageModel, ModelInfo
from psylm.models.causal import CausalModel
from psylm.models.encoder import EncoderModel
from psylm.models.int8 import quantised
from psylm.models.memory import allowance, keep_freed_memory
from psylm.models.names import COUNTED, DEFAULT_ORDER, ModelSource
from psylm.models.ngram import load_ngram
from psylm.models.sentence_transformer import Recipe, read_recipe
from psylm.models.start import AUTO, check_family, find_start
from psylm.models.tokens import Tokenizer
from psylm.models.trained import ScratchNetwork
from psylm.models.untrained import untrained
from psylm.models.verified import require_verified
from psylm.models.window import longest_text

DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "int8": torch.float32,
}
"""What the weights are loaded as; int8 ones are made from float32, and the rest stays in it."""

DEVICES = ("auto", "cpu", "cuda", "mps")


def load_model(
    name: str | ModelSource,
    *,
    device: str = "auto",
    dtype: str = "float32",
    memory: str | None = None,
    start: str = AUTO,
    cache: bool = True,
) -> LanguageModel:
    """Load a language model with its tokenizer.

    Parameters
    ----------
    name
        `embedded:NAME` (weights in an installed package), `hub:NAME[@REVISION]`, `file:PATH` (a folder that
        `save_pretrained` wrote), `scratch:FOLDER[@STEP]` (a model that `psylm train` made; its last checkpoint, or that
        of a step), `wordfreq:LANGUAGE` (word frequencies) or `ngram:FILE[@ORDER]` (Kneser-Ney, counted
        in a text file of one sentence a line). Weights must be safetensors; no code of a model is run.
        What follows a `#` changes the model: `embedded:smollm2-135m#heads=3.4+5.0` (`psylm.lesions`).
        Or such a name, read (`psylm.models.names.ModelSource`).
    device
        `auto` (cuda, else mps, else cpu), `cpu`, `cuda` or `mps`.
    dtype
        `float32`, `bfloat16`, `float16`, or `int8` (weights of linear layers in 8 bits, all else in float32). All
        but the first are less exact: `psylm models check` says by how much.
    memory
        Ceiling on what the process (on a GPU: its memory there) may hold, the weights included, `4GB` for example.
        It changes speed, never a score.
    start
        What a model that reads from left to right reads before a plain text: `auto` (by model, as
        `psylm.models.start.find_start` says), `document` (the separator of documents in its pre-training), `bos`,
        `none`, or a text such as `"<s>"` or a line break. Chat templates keep their own.
    cache
        Look the importance of heads, by which a lesion may choose, up among what earlier runs found, and keep it there.

    Returns
    -------
    LanguageModel
        A `CausalModel`, `MaskedModel`, `PermutedModel`, `Seq2SeqModel`, `RecurrentModel`, `NgramModel`, or an
        `EncoderModel`, which has no output layer.

    Raises
    ------
    PsylmError
        The name, device, dtype or start is not known, or the model cannot be had, or is neither a language model nor an
        encoder, or is of an architecture whose scores were never compared with `transformers`' own.

    Examples
    --------
    >>> import psylm
    >>> psylm.load_model("smollm2")
    Traceback (most recent call last):
    ...
    psylm.common.errors.InputError: model 'smollm2': found a name of another form; expected embedded:NAME, ...
    """
    source = ModelSource.of(name)
    compared = require_verified(source)
    model = load_unverified(source, device=device, dtype=dtype, memory=memory, start=start, cache=cache)
    model.info = replace(model.info, compared=compared, name=name if isinstance(name, str) else source.name)
    return model


def load_unverified(
    source: ModelSource,
    *,
    device: str = "auto",
    dtype: str = "float32",
    memory: str | None = None,
    start: str = AUTO,
    cache: bool = True,
) -> LanguageModel:
    """Load a model whose architecture may not have been compared with `transformers`; parameters as in `load_model`."""
    name = source.name
    chosen = choose_device(device)
    ceiling = None if memory is None else bytes_of(memory)
    if dtype not in DTYPES:
        raise InputError(Problem(f"dtype of {name}", repr(dtype), "one of " + ", ".join(DTYPES)))
    if source.kind in COUNTED:
        check_family(source, start)
        return load_ngram(source.kind, source.place, int(source.revision or DEFAULT_ORDER))
    traits = source.traits
    adapter = traits.adapter_class()
    keep_freed_memory(ceiling is None)
    digest = source.sha256
    tokenizer = load_tokenizer(source)
    if traits.masks and tokenizer.mask is None:
        raise PsylmError(f"model {name!r}: found {traits.described} whose tokenizer has no mask token")
    begun = find_start(source, tokenizer, start)
    tokenizer.start = () if begun is None else begun.ids
    recipe = Recipe() if traits.predicts else read_recipe(source.folder)
    network = fuse_activations(_network(source, DTYPES[dtype]).to(chosen).eval())
    parameters = sum(parameter.numel() for parameter in network.parameters())
    if dtype == "int8":
        network = quantised(network)
    info = ModelInfo(
        name=name,
        family=source.family,
        architecture=network.architecture if source.kind == "scratch" else type(network).__name__,
        parameters=parameters,
        vocabulary=len(tokenizer),
        window=recipe.within(longest_text(network)),
        licence=source.licence,
        revision=source.commit,
        sha256=digest,
        dtype=dtype,
        device=chosen,
        word_marking=tokenizer.word_marking,
        start=None if begun is None else begun.described(),
        training=network.facts if source.kind == "scratch" else None,
    )
    try:
        model = adapter(network, tokenizer, info, allowance(network, None, chosen))
    except (RuntimeError, ValueError, TypeError, IndexError, AttributeError, AssertionError) as error:
        raise PsylmError(
            f"model {name!r}: {type(network).__name__} does not read a text of three tokens as {traits.described} "
            f"does ({_first_line(error)}); psylm cannot score with it"
        ) from None
    model.source = source
    if isinstance(model, CausalModel):
        model.check_direction()
    # Weights come into memory when they are first used, which making the adapter does: what they take is known by now.
    model.allowance = allowance(network, ceiling, chosen)
    if isinstance(model, EncoderModel):
        model.recipe = recipe
    if source.lesion:
        from psylm.lesions.apply import keep

        keep(model, source.lesion, cache=cache)
    return model


def load_tokenizer(name: str | ModelSource) -> Tokenizer:
    """Load a model's tokenizer only; its weights are not read.

    Parameters
    ----------
    name
        As in `load_model`.
    """
    from tokenizers import normalizers
    from transformers import AutoTokenizer

    source = ModelSource.of(name)
    name = source.name
    if source.kind in COUNTED:
        return load_unverified(source).tokenizer
    try:
        fast = AutoTokenizer.from_pretrained(source.tokenizer_folder, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise PsylmError(f"model {name!r}: its tokenizer cannot be read ({_first_line(error)})") from None
    if not source.traits.predicts and read_recipe(source.folder).lowercase:
        first = [fast.backend_tokenizer.normalizer] if fast.backend_tokenizer.normalizer else []
        fast.backend_tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), *first])
    return Tokenizer(fast, name)


def choose_device(device: str) -> str:
    """Turn `auto` into the best device that there is, and check one that was asked for.

    Examples
    --------
    >>> choose_device("cpu")
    'cpu'
    """
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if there[name])
    if device not in there:
        raise InputError(Problem("device", repr(device), "one of " + ", ".join(DEVICES)))
    if not there[device]:
        raise InputError(Problem("device", f"{device!r}, which this machine does not have", "cpu or auto"))
    return device


def _network(source: ModelSource, dtype: torch.dtype) -> Any:
    seed = source.lesion["random"].seed if "random" in source.lesion else None
    if source.kind == "scratch":
        scratch = ScratchNetwork.load(source.folder) if seed is None else ScratchNetwork.drawn(source.folder, seed)
        return scratch.to(dtype)
    from transformers.utils import logging

    loader = source.traits.loader_of(source.model_type)
    logging.disable_progress_bar()
    if seed is not None:
        return untrained(loader, source.folder, seed).to(dtype)
    try:
        network, report = loader.from_pretrained(
            source.folder,
            dtype=dtype,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            output_loading_info=True,
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise PsylmError(f"model {source.name!r}: its weights cannot be read ({_first_line(error)})") from None
    lacking = {key for key in report["missing_keys"] if source.traits.predicts or "pooler." not in key}
    if lacking:  # BERT's own pooler, which many encoders lack, is not used: what is pooled are the states
        missing = ", ".join(sorted(lacking)[:3])
        raise PsylmError(
            f"model {source.name!r}: found no weights for {missing}; expected all of them, since scores from "
            "weights drawn at random mean nothing"
        )
    return network


def fuse_activations(network: Any) -> Any:
    """Put torch's own fused kernel in place of an activation that is written out as seven operations.

    It is the same function, GELU with the tanh approximation (Hendrycks & Gimpel 2016), and a twentieth of the time
    that GPT-2 takes.
    """
    from transformers.activations import NewGELUActivation

    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, NewGELUActivation):
                setattr(module, name, torch.nn.GELU(approximate="tanh"))
    return network


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
