"""From attention between tokens to attention between words, layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from psylm.attention.maps import Seen, watch
from psylm.attention.places import Look
from psylm.models.attention_input import SPECIAL
from psylm.models.base import LanguageModel

Weigh = Callable[[Seen], Tensor]
"""Makes of the attention of a layer what is added up: [batch, heads, rows, keys]."""


def to_words(
    model: LanguageModel, looks: Sequence[Look], weigh: Weigh = lambda seen: seen.weights
) -> Iterator[tuple[int, np.ndarray]]:
    """Reduce attention to words: summed over the tokens of the word attended to, averaged over those that attend.

    Parameters
    ----------
    model
        The model.
    looks
        What is looked at; all of one stream.
    weigh
        What is added up, in place of the weights themselves.

    Yields
    ------
    number, reduced
        A look and its attention [layers, heads, groups, words + 2] in float32, longest first. The last two columns are
        what special tokens get, and what the first token gets where it is not special (which its word's column has
        too). Rows over words and special tokens sum to 1; a group without a row, a word that has no token of its own,
        gets zeros.
    """
    layers: dict[int, list[np.ndarray]] = {}
    prepared: dict[tuple[int, ...], tuple[Tensor, Tensor]] = {}

    def take(seen: Seen) -> None:
        key = tuple(seen.readings)
        if key not in prepared:
            prepared.clear()
            prepared[key] = _matrices([looks[n] for n in key], seen.weights)
        asking, attended = prepared[key]
        reduced = (asking[:, None] @ (weigh(seen).float() @ attended[:, None])).cpu().numpy()
        for number, mine in zip(key, reduced, strict=True):
            columns = [*range(len(looks[number].scene.spans)), -2, -1]
            layers.setdefault(number, []).append(mine[:, : len(looks[number].groups), columns])

    for numbers in watch(model, [look.reading for look in looks], take):
        for number in numbers:
            yield number, np.stack(layers.pop(number))


def _matrices(looks: Sequence[Look], like: Tensor) -> tuple[Tensor, Tensor]:
    """Return what averages rows [looks, groups, rows] and what sums keys [looks, keys, words + 2]."""
    rows, keys = like.shape[-2:]
    asking = torch.zeros(len(looks), max(len(look.groups) for look in looks), rows)
    special = max(len(look.scene.spans) for look in looks)
    attended = torch.zeros(len(looks), keys, special + 2)
    for number, look in enumerate(looks):
        for group, mine in enumerate(look.groups):
            asking[number, group, mine] = 1 / max(len(mine), 1)
        columns = np.where(look.words == SPECIAL, special, look.words)
        attended[number, range(len(columns)), columns] = 1
        attended[number, 0, -1] = float(look.words[0] != SPECIAL)
    return asking.to(like.device), attended.to(like.device)
