"""The words that a model itself would put in a blank."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from psylm.models.base import LanguageModel
from psylm.models.causal import CausalModel

WIDTH = 16
"""Partial words that one forward pass extends."""


@dataclass(frozen=True)
class Completion:
    """A word and its natural log-probability in the blank."""

    word: str
    log_probability: float


def likely_tokens(model: LanguageModel, blank: Tensor, count: int, *, spaced: bool) -> list[tuple[int, float]]:
    """Return the most probable tokens that can begin a word, best first, with their log-probabilities."""
    found = []
    best = blank.topk(min(len(blank), 4 * count + 50))
    for log_probability, token in zip(best.values.tolist(), best.indices.tolist(), strict=True):
        if model.tokenizer.begins_word(token, spaced=spaced):
            found.append((token, log_probability))
        if len(found) == count:
            break
    return found


def single_token_completions(
    model: LanguageModel, blank: Tensor, count: int, *, spaced: bool
) -> list[Completion]:
    """Return the most probable completions of one token: all that a masked model's single blank allows."""
    return [
        Completion(model.tokenizer.text((token,)).strip(), log_probability)
        for token, log_probability in likely_tokens(model, blank, count, spaced=spaced)
    ]


def word_completions(
    model: CausalModel, prefix: tuple[int, ...], blank: Tensor, count: int, *, correction: bool
) -> list[Completion]:
    """Return the most probable whole words after a prefix, of any number of tokens.

    Best-first search: a partial word is extended only while its own probability exceeds that of the words already
    found, since a longer word cannot be more probable than the partial one it begins with.

    Parameters
    ----------
    model
        A causal model whose tokenizer marks the beginning of words.
    prefix
        Tokens before the blank, special tokens included.
    blank
        Log-probabilities [vocabulary] of the token after the prefix.
    count
        How many words.
    correction
        Divide by the probability that a new word begins here (Pimentel & Meister 2024), as `score_words` does.

    Returns
    -------
    list of Completion
        Best first.
    """
    begun = _mass(model, blank[None])[0].item() if correction else 0.0
    reader = model.prefix(prefix)
    # The heap holds (-log-probability, tokens) of partial words, the most probable on top.
    partial = [
        (begun - log_probability, (token,))
        for token, log_probability in likely_tokens(model, blank, 4 * WIDTH, spaced=True)
    ]
    heapq.heapify(partial)
    words: dict[str, float] = {}
    while batch := list(_promising(partial, words, count)):
        after = reader.after([tokens for _, tokens in batch])
        over = _mass(model, after).tolist()
        going_on = after.masked_fill(model.begins_unit, -torch.inf).topk(count)
        for row, (cost, tokens) in enumerate(batch):
            surface = model.tokenizer.text(tokens)
            if model.tokenizer.encode(surface).ids == tokens:  # else no text is ever read as these tokens
                words[surface.strip()] = over[row] - cost
            for more, token in zip(going_on.values[row].tolist(), going_on.indices[row].tolist(), strict=True):
                heapq.heappush(partial, (cost - more, (*tokens, token)))
    best = sorted(words.items(), key=lambda item: -item[1])[:count]
    return [Completion(word, log_probability) for word, log_probability in best]


def _promising(
    partial: list[tuple[float, tuple[int, ...]]], words: dict[str, float], count: int
) -> Iterator[tuple[float, tuple[int, ...]]]:
    """Take from the heap the best partial words of one length that may still become one of the best words."""
    enough = sorted(words.values(), reverse=True)[count - 1] if len(words) >= count else -float("inf")
    taken, length = 0, None
    while partial and taken < WIDTH and -partial[0][0] > enough and length in (None, len(partial[0][1])):
        taken, length = taken + 1, len(partial[0][1])
        yield heapq.heappop(partial)


def _mass(model: LanguageModel, log_probabilities: Tensor) -> Tensor:
    """Log-probability [rows] that the next token begins a new unit."""
    return log_probabilities.masked_fill(~model.begins_unit, -torch.inf).logsumexp(-1)
