"""Vectors of texts and of words in them, from any layer of any model that has hidden states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from psylm.common.errors import InputError, Problem
from psylm.models.base import LanguageModel
from psylm.models.hidden_states import layers_of, state_batches
from psylm.models.passages import Layer, Passage, Pooling
from psylm.models.pooling import pool, sif_weights, token_weights
from psylm.models.sentence_transformer import Recipe


class Tokens(NamedTuple):
    """A passage as a model reads it: tokens, where the text's own begin, where each begins in the text, and the word's.

    `starts` is empty, and so is `word`, where nobody asks.
    """

    ids: tuple[int, ...]
    own: slice
    starts: tuple[int, ...] = ()
    word: slice | None = None


def embed(
    model: LanguageModel,
    passages: Sequence[Passage | str],
    *,
    layers: Sequence[Layer] = (-1,),
    pooling: Pooling = "model",
    prompt: str | None = None,
) -> dict[Layer, np.ndarray]:
    """Turn texts, or words in them, into vectors.

    Each text is read by itself, with the special tokens that its model expects; texts of like length run together,
    and no text twice. Of an encoder-decoder model the encoder reads.

    Parameters
    ----------
    model
        Any model with hidden states.
    passages
        The texts, or all of them words in texts: a word's vector is the mean of its tokens', whatever the pooling.
    layers
        Layers from 0 (the embeddings) to `layers_of(model)`; negative numbers count from the top. `static` is the
        embedding matrix: no position, no context, no special token.
    pooling
        What is made of a text's tokens, special tokens among them, but not what a model that
        reads from left to right has before the text, whose state knows nothing of it. `mean`; `cls`, the CLS token's
        state; `max`, the largest value of each dimension; `weighted`, the mean with weights 1, 2, … (Muennighoff 2022);
        `last`, the last token's; `sif`, the mean of the text's own tokens with smooth inverse frequencies (Arora et
        al. 2017); `model`, as the sentence-transformers folder says, and the mean where it is none.
    prompt
        What is put before every text, and is pooled with it; by default the model's own, mostly none. In the static
        layer it only says how the text is divided into tokens.

    Returns
    -------
    dict
        For each layer, as it was asked for, vectors [passages, width] in float32.

    Raises
    ------
    InputError
        The model has no such layer, or no CLS token, or a word has no token of its own.
    PsylmError
        A text is longer than the model's window.

    References
    ----------
    Reimers & Gurevych (2019), Sentence-BERT, EMNLP; Arora, Liang & Ma (2017), A simple but tough-to-beat baseline for
    sentence embeddings, ICLR; Muennighoff (2022), SGPT: GPT sentence embeddings for semantic search, arXiv:2202.08904.

    Examples
    --------
    >>> import psylm
    >>> model = psylm.load_model("embedded:minilm-l6", device="cpu")
    >>> vectors = embed(model, ["A dog barks.", "A hound is barking.", "Rates rose."])[-1]
    >>> vectors.shape, bool(vectors[0] @ vectors[1] > 0.7 > vectors[0] @ vectors[2])
    ((3, 384), True)
    """
    recipe: Recipe = getattr(model, "recipe", Recipe())
    wanted = [Passage(one) if isinstance(one, str) else one for one in passages]
    if any(one.span is not None for one in wanted):
        pooling = "mean"
    poolings = recipe.pooling if pooling == "model" else (pooling,)
    deep = [layer for layer in layers if layer != "static"]
    _check(model, layers, deep, poolings)
    found: dict[Layer, np.ndarray] = {}
    if "static" in layers:
        found["static"] = _static(model, wanted, "mean" if pooling == "model" else pooling, prompt or "")
    if deep:
        before = recipe.prompt if prompt is None else prompt
        found |= _contextual(model, wanted, deep, poolings, before)
    if pooling == "model" and recipe.dense and deep != [-1]:
        raise InputError(
            Problem("layer", ", ".join(map(str, deep)), "the last: this model's dense layer maps no other")
        )
    if pooling == "model":
        found |= {layer: _finished(found[layer], recipe) for layer in deep}
    return {layer: found[layer] for layer in layers}


def _check(model: LanguageModel, layers: Sequence[Layer], deep: Sequence[int], poolings: Sequence[str]) -> None:
    if set(deep) - {-1}:
        top = layers_of(model)
        for layer in deep:
            if not -top - 1 <= layer <= top:
                raise InputError(Problem("layer", str(layer), f"0 to {top}, static, or all, of {model.info.name}"))
    if "cls" in poolings and ("static" in layers or model.tokenizer.fast.cls_token_id is None):
        where = "the static layer" if "static" in layers else model.info.name
        raise InputError(Problem("pooling", "cls", f"mean, max, weighted, last or sif: {where} has no CLS token"))


def _contextual(
    model: LanguageModel, passages: Sequence[Passage], layers: Sequence[int], poolings: Sequence[str], prompt: str
) -> dict[Layer, np.ndarray]:
    """Run the network, and pool what it makes of each passage; several poolings stand side by side."""
    read = _tokenized(model, passages, prompt, starts="sif" in poolings)
    for passage, tokens in zip(passages, read, strict=True):
        model.check_length(tokens.ids, repr(passage.text[:60]))
    weights = {
        name: [_weights(model, *one, name, prompt) for one in zip(passages, read, strict=True)] for name in poolings
    }
    found: dict[Layer, np.ndarray] = {}
    for numbers, states in state_batches(model, [one.ids for one in read], every=list(layers) != [-1]):
        for layer in layers:
            parts = [
                pool(states[layer], [weights[name][number] for number in numbers], largest=name == "max")
                for name in poolings
            ]
            vectors = torch.cat(parts, 1).float().cpu().numpy()
            found.setdefault(layer, np.empty((len(passages), vectors.shape[1]), np.float32))[numbers] = vectors
    return found


def _tokenized(model: LanguageModel, passages: Sequence[Passage], prompt: str, *, starts: bool) -> list[Tokens]:
    if not starts and all(passage.span is None for passage in passages):
        several = model.tokenizer.identities([prompt + passage.text for passage in passages])
        return [Tokens(*_surrounded(model, ids)) for ids in several]
    found = []
    for passage in passages:
        if passage.span is None:
            encoded, word = model.tokenizer.encode(prompt + passage.text), None
        else:
            span = passage.span[0] + len(prompt), passage.span[1] + len(prompt)
            encoded = model.tokenizer.encode(prompt + passage.text, span)
            word = slice(*encoded.within(span))
            if word.start == word.stop:
                place = f"word {passage.text[slice(*passage.span)]!r} of {passage.text!r}"
                raise InputError(Problem(place, "no token of its own", "a word that has one"))
        ids, own = _surrounded(model, encoded.ids)
        found.append(Tokens(ids, own, encoded.starts, word))
    return found


def _surrounded(model: LanguageModel, own: tuple[int, ...]) -> tuple[tuple[int, ...], slice]:
    """Put special tokens around a text's own, and say where its own are."""
    ids = model.sequence(own)
    first = model.sequence((-1,)).index(-1)
    return ids, slice(first, first + len(own))


def _weights(model: LanguageModel, passage: Passage, tokens: Tokens, pooling: str, prompt: str) -> np.ndarray:
    """Return how much each token of what is read counts."""
    weights = np.zeros(len(tokens.ids))
    own = weights[tokens.own]
    if tokens.word is not None:
        own[tokens.word] = 1 / (tokens.word.stop - tokens.word.start)
    elif pooling == "sif":
        own[:] = sif_weights(prompt + passage.text, tokens.starts, passage.language)
    elif pooling == "cls":
        weights[tokens.ids.index(model.tokenizer.fast.cls_token_id)] = 1
    else:
        counted = own if model.left_to_right else weights
        counted[:] = token_weights(len(counted), pooling)
    return weights


def _static(model: LanguageModel, passages: Sequence[Passage], pooling: str, prompt: str) -> np.ndarray:
    """Pool rows of the embedding matrix."""
    network = model.network
    matrix = network.model.embedding if hasattr(network, "facts") else network.get_input_embeddings()
    vectors = []
    for passage in passages:
        start, end = passage.span or (0, len(passage.text))
        cuts = (start + len(prompt), end + len(prompt))
        encoded = model.tokenizer.encode(prompt + passage.text, cuts if passage.span or prompt else ())
        first, last = encoded.within(cuts)
        if pooling == "sif":
            starts = [at - len(prompt) for at in encoded.starts[first:last]]
            weights = sif_weights(passage.text, starts, passage.language)
        else:
            weights = token_weights(last - first, pooling)
        with torch.inference_mode():
            rows: Tensor = matrix(torch.tensor(encoded.ids[first:last], device=network.device))
            vectors.append(pool(rows[None], [weights], largest=pooling == "max")[0].float().cpu().numpy())
    return np.stack(vectors)


def _finished(vectors: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Map and normalise pooled vectors as the model's folder says."""
    tensor = torch.from_numpy(vectors)
    for dense in recipe.dense:
        tensor = dense(tensor)
    return np.asarray((normalize(tensor, dim=1) if recipe.normalise else tensor).numpy())
