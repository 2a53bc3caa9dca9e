"""Pooling: how much each token of a text counts in the text's vector."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from psylm.common.errors import PsylmError
from psylm.common.language import split_punctuation, word_spans

SIF = 1e-3
"""The constant a of smooth inverse frequency: what its authors recommend."""


def token_weights(count: int, pooling: str) -> np.ndarray:
    """Return the weights [count] of tokens by which their vectors are added up.

    Parameters
    ----------
    count
        Number of tokens.
    pooling
        `mean`; `root`, the sum over the square root of the number; `weighted`, by position: 1, 2, … (Muennighoff 2022);
        `last`; `max`, for which all count alike.

    Examples
    --------
    >>> token_weights(3, "weighted").round(3).tolist()
    [0.167, 0.333, 0.5]
    """
    if pooling == "last":
        return np.asarray(np.eye(count)[-1])
    if pooling == "weighted":
        return np.asarray(np.arange(1, count + 1) * 2 / (count * (count + 1)))
    return np.full(count, {"mean": 1 / count, "root": count**-0.5, "max": 1.0}[pooling])


def sif_weights(text: str, starts: Sequence[int], language: str) -> np.ndarray:
    """Return weights of a text's tokens by smooth inverse frequency, a / (a + p(word)); they add up to 1.

    Parameters
    ----------
    text
        The text.
    starts
        Where each of its tokens begins.
    language
        BCP 47 tag; frequencies are those of `wordfreq`.

    References
    ----------
    Arora, Liang & Ma (2017), A simple but tough-to-beat baseline for sentence embeddings, ICLR.

    Examples
    --------
    >>> sif_weights("the quokka", [0, 4], "en").round(2).tolist()
    [0.02, 0.98]
    """
    spans = split_punctuation(text, word_spans(text, language))
    words = np.searchsorted([start for start, _ in spans], starts, side="right") - 1
    weights = np.array([SIF / (SIF + _frequency(text[slice(*spans[max(word, 0)])], language)) for word in words])
    return np.asarray(weights / weights.sum())


@lru_cache(100_000)
def _frequency(word: str, language: str) -> float:
    try:
        from wordfreq import word_frequency

        return float(word_frequency(word, language))
    except LookupError as error:
        raise PsylmError(f"pooling sif: wordfreq has no frequencies for language {language!r} ({error})") from None


def pool(states: Tensor, weights: Sequence[np.ndarray], *, largest: bool) -> Tensor:
    """Turn the states of tokens into a vector a text.

    Parameters
    ----------
    states
        States [texts, places, width].
    weights
        For each text, weights of its tokens; places after them do not count.
    largest
        Take the largest value of each dimension over the tokens that count, in place of the weighted sum.

    Returns
    -------
    Tensor [texts, width]
        Vectors.

    Examples
    --------
    >>> states = torch.tensor([[[1.0, 4.0], [3.0, 2.0], [9.0, 9.0]]])
    >>> pool(states, [np.array([0.5, 0.5])], largest=False).tolist()
    [[2.0, 3.0]]
    >>> pool(states, [np.array([1.0, 1.0])], largest=True).tolist()
    [[3.0, 4.0]]
    """
    table = np.zeros(states.shape[:2], np.float32)
    for row, some in zip(table, weights, strict=True):
        row[: len(some)] = some
    counted = torch.from_numpy(table).to(states)
    if largest:
        return states.masked_fill(counted[..., None] == 0, float("-inf")).amax(1)
    return torch.bmm(counted[:, None], states)[:, 0]
