"""What the probability of a word owes to the other words: gradient x input and integrated gradients."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from psylm.attention.places import NO_TOKEN, word_of_tokens
from psylm.attention.scenes import Scene
from psylm.models.attention_input import NO_BEGINNING, SPECIAL
from psylm.models.base import LanguageModel
from psylm.models.families import Hiding
from psylm.models.query import Query
from psylm.models.trained import ScratchNetwork

Method = Literal["gradient", "integrated_gradients"]

STEPS = (64, 256)
"""Points of the path at which integrated gradients are taken (Gauss-Legendre); more, where the first are too few."""


@dataclass(frozen=True)
class Question:
    """The log-probability of a word as a function of what is read.

    Parameters
    ----------
    ids
        What is read, where attribution goes: the text, or what the encoder reads.
    words
        The word of each of these places, or `SPECIAL` [n].
    query
        The query whose items are the word's tokens.
    """

    ids: tuple[int, ...]
    words: np.ndarray
    query: Query


def question(model: LanguageModel, scene: Scene) -> Question | str:
    """Ask for the query word's log-probability, all of it in one pass.

    A causal model reads the text up to the word, an XLNet likewise; a masked model reads it with all tokens of the word
    masked, and an encoder-decoder model with a gap in its place.

    Returns
    -------
    Question
        Or the reason why there is none.
    """
    span = scene.spans[scene.query]
    text = scene.text[: span[1]] if model.left_to_right else scene.text
    encoding = model.tokenizer.encode(text, span)
    words = word_of_tokens(encoding.starts, scene.spans)
    own = (words == scene.query).nonzero()[0]
    if not len(own):
        return NO_TOKEN
    model.check_length(model.sequence(encoding.ids), f"text {scene.text[:40]!r}…")
    first, last = int(own[0]), int(own[-1]) + 1
    hiding: Hiding = "whole_word" if model.traits.masks else model.hiding
    queries, _ = model.word_queries(encoding.ids, [(first, last)], hiding, after=False)
    if not queries:
        return NO_BEGINNING
    # A masked model is asked for each of the word's tokens by a query of its own, all with the same masked text.
    query = replace(queries[0], at=_joined(q.at for q in queries), tokens=_joined(q.tokens for q in queries))
    begun = len(model.tokenizer.start if model.traits.in_order else model.tokenizer.around[0])
    if query.source:
        words = np.concatenate([words[: first + 1], words[last:]])
    read = query.source or query.ids
    places = np.full(len(read), SPECIAL)
    there = places[begun : begun + len(words)]
    there[:] = words[: len(there)]
    return Question(read, places, query)


def _joined(parts: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(chain.from_iterable(parts))


def attributions(
    model: LanguageModel, scenes: Sequence[Scene], method: Method
) -> Iterator[tuple[int, np.ndarray | None, str]]:
    r"""Attribute the log-probability of the query word to the words that are read.

    With x the embeddings of what is read, and F(x) the natural log-probability of the query word, `gradient` gives a
    word :math:`\sum_d x_d \, \partial F / \partial x_d`, which is exact to first order only. `integrated_gradients`
    averages the gradient over the straight path from a baseline x', and gives :math:`\sum_d (x_d - x'_d) \int_0^1
    \partial F (x' + \alpha (x - x')) / \partial x_d \, d\alpha`; these sum to F(x) - F(x'). In the baseline each token
    of the text is the mask (or, without one, the unknown or the padding token, or the end of sequence); special tokens
    stay.

    Parameters
    ----------
    model
        The model.
    scenes
        Texts with their query words.
    method
        How.

    Yields
    ------
    number, attribution, note
        A text; the attribution to its words in nats [words + 2], as `to_words` orders columns, or None; and the reason
        for that, or how far integrated gradients are from F(x) - F(x'), where that is more than 5%.

    References
    ----------
    Sundararajan et al. (2017), Axiomatic attribution for deep networks, ICML; Shrikumar et al. (2017), Learning
    important features through propagating activation differences, ICML (gradient x input).
    """
    from captum.attr import InputXGradient, IntegratedGradients

    for number, scene in enumerate(scenes):
        asked = question(model, scene)
        if isinstance(asked, str):
            yield number, None, asked
            continue
        note = ""
        with torch.enable_grad():
            x, baseline = embeddings(model, asked)
            value = Value(model, asked)
            if method == "gradient":
                found = InputXGradient(value).attribute(x)
            else:
                size = max(model.allowance.tokens // len(asked.ids), 1)
                for steps in STEPS:
                    found, excess = IntegratedGradients(value).attribute(
                        x, baseline, n_steps=steps, internal_batch_size=size, return_convergence_delta=True
                    )
                    note = _incomplete(float(found.detach().sum()), float(excess))
                    if not note:
                        break
        tokens = found.detach().sum(-1)[0].cpu().double().numpy()
        row = np.zeros(len(scene.spans) + 2)
        np.add.at(row, np.where(asked.words == SPECIAL, len(scene.spans), asked.words), tokens)
        row[-1] = tokens[0] if asked.words[0] != SPECIAL else 0.0
        yield number, row, note


def _incomplete(total: float, excess: float) -> str:
    """Say how far attributions are from adding up to the difference that they explain."""
    if abs(excess) <= 0.05 * abs(total - excess):
        return ""
    return f"attributions add up to {total:.2f} nats, not {total - excess:.2f}"


class Value:
    """Log-probability of a word as a function of the embeddings of what is read.

    Parameters
    ----------
    model, asked
        The model and the question.
    """

    def __init__(self, model: LanguageModel, asked: Question) -> None:
        self.model, self.asked = model, asked
        self.tokens = torch.tensor(asked.query.tokens, device=model.network.device)

    def __call__(self, x: Tensor) -> Tensor:
        """Return natural log-probabilities [batch] for embeddings [batch, n, width]."""
        with embedded_as(self.model, x):
            hidden = self.model.states_before_output(self.asked.query, len(x))  # [batch, tokens of the word, width]
        logits = self.model.head(hidden.flatten(0, 1)).unflatten(0, hidden.shape[:2])
        log_probabilities = logits.log_softmax(-1, dtype=torch.promote_types(logits.dtype, torch.float32))
        return log_probabilities.take_along_dim(self.tokens[None, :, None], -1)[..., 0].sum(-1)


def embeddings(model: LanguageModel, asked: Question) -> tuple[Tensor, Tensor]:
    """Return the embeddings of what is read, and those of the baseline [1, n, width]."""
    baseline = np.where(asked.words == SPECIAL, asked.ids, nothing(model))
    embed = embedding(model)
    device = model.network.device
    with torch.no_grad():
        x, y = (embed(torch.tensor([list(map(int, ids))], device=device)) for ids in (asked.ids, baseline))
    return x.detach().requires_grad_(True), y.detach()


def nothing(model: LanguageModel) -> int:
    """Return the token that stands for no word: the mask, or else unknown, padding, or end of sequence."""
    fast = model.tokenizer.fast
    named = (fast.mask_token_id, fast.unk_token_id, fast.pad_token_id, fast.eos_token_id)
    return next((token for token in named if token is not None), 0)


def embedding(model: LanguageModel) -> nn.Module:
    """Return the module that turns tokens into what attribution goes to."""
    network = model.network
    if isinstance(network, ScratchNetwork):
        return network.model.embedding
    reader = network.get_encoder() if model.traits.source_apart else network
    return reader.get_input_embeddings()


@contextmanager
def embedded_as(model: LanguageModel, x: Tensor) -> Iterator[None]:
    """Let the first embedding that is computed be x."""
    used = False

    def exchange(module: Any, inputs: Any, output: Tensor) -> Tensor:
        nonlocal used
        if used:  # a decoder may share the module
            return output
        used = True
        return x if output.shape == x.shape else x.transpose(0, 1)  # XLNet has places before batch

    hook = embedding(model).register_forward_hook(exchange)
    try:
        yield
    finally:
        hook.remove()
