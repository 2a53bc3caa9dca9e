"""Orders in which a permutation language model predicts the tokens of a text (Yang et al. 2019)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

PREDICTED = 6
"""One token in so many is predicted: the last of the order, which have most to see (K in section 2.3)."""


@dataclass(frozen=True)
class PermutedBatch:
    """A batch for permutation language modelling.

    Parameters
    ----------
    ids
        Token identities [batch, n].
    order
        Rank of each token in the order of prediction [batch, n]; 0 for those that are given and not predicted.
    """

    ids: Tensor
    order: Tensor

    @property
    def count(self) -> int:
        """Predictions."""
        return int((self.order > 0).sum())

    @property
    def tokens(self) -> int:
        """Tokens read."""
        return int(self.ids.numel())


def draw_order(length: int, random: np.random.Generator) -> np.ndarray:
    """Draw an order of factorisation: the last sixth of a random permutation is predicted, the rest is given.

    Parameters
    ----------
    length
        Tokens.
    random
        Source of randomness.

    Returns
    -------
    ndarray [length]
        0 for tokens that are given, else 1, 2, … in the order in which they are predicted.

    Examples
    --------
    >>> sorted(draw_order(12, np.random.default_rng(0)).tolist())
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2]
    """
    predicted = max(length // PREDICTED, 1)
    order = np.zeros(length, dtype=np.int64)
    order[random.permutation(length)[-predicted:]] = np.arange(1, predicted + 1)
    return order
