"""The text that a network reads at the moment, and numbers drawn at random that depend on nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Words = NDArray[np.uint64]
"""Unsigned 64-bit integers."""

GOLDEN, FIRST, SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
"""Constants of splitmix64 (Steele, Lea & Flood 2014), the hash that numbers are drawn by."""


class TextRead:
    """The tokens that a network reads, for lesions that depend on them.

    Parameters
    ----------
    special
        Tokens that are no part of a text: those that begin, end and divide it.
    forward
        Whether a token's state depends on what stands before it only.

    Attributes
    ----------
    ids, attended
        Tokens [batch, n], and which of them are no padding.
    sources
        For a decoder: what the encoder reads, for each row.
    """

    def __init__(self, special: Sequence[int], *, forward: bool) -> None:
        self._special = torch.tensor(sorted(special))
        self.forward = forward
        self.ids: Tensor | None = None
        self.attended: Tensor | None = None
        self.sources: list[tuple[int, ...]] = []
        self._keys: Tensor | None = None

    def begin(self, ids: Tensor, attended: Tensor | None) -> None:
        """Take note of what is read from now on."""
        self.ids, self.attended, self._keys = ids, attended, None

    @property
    def special(self) -> Tensor:
        """Which tokens are special [batch, n]."""
        assert self.ids is not None
        return torch.isin(self.ids, self._special.to(self.ids.device))

    @property
    def keys(self) -> Tensor:
        """A number for each token [batch, n] that stands for it and for all that its state may depend on.

        That is the text up to it, where the network reads forward, and the whole text and its place otherwise;
        never its neighbours in the batch, nor padding.
        """
        assert self.ids is not None
        if self._keys is None:
            ids = self.ids.cpu().numpy().astype(np.uint64)
            begun = np.array([_hash(source) for source in self.sources] or [0] * len(ids), np.uint64)
            upto = np.empty_like(ids)
            for place in range(ids.shape[1]):
                begun = upto[:, place] = mixed(begun ^ (ids[:, place] + np.uint64(1)) * np.uint64(GOLDEN))
            if not self.forward:
                lengths = np.full(len(ids), ids.shape[1]) if self.attended is None else self._lengths()
                whole = np.take_along_axis(upto, lengths[:, None] - 1, 1)
                upto = mixed(whole + np.arange(1, ids.shape[1] + 1, dtype=np.uint64) * np.uint64(GOLDEN))
            self._keys = torch.from_numpy(upto.view(np.int64)).to(self.ids.device)
        return self._keys

    def _lengths(self) -> NDArray[np.int64]:
        assert self.attended is not None
        lengths: NDArray[np.int64] = self.attended.bool().sum(1).cpu().numpy()
        return lengths


def mixed(numbers: Words) -> Words:
    """Return 64-bit numbers hashed by splitmix64's finaliser.

    Examples
    --------
    >>> hex(mixed(np.array([0x9E3779B97F4A7C15], np.uint64))[0])  # the generator's first number, from the seed 0
    '0xe220a8397b1dcdaf'
    """
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(FIRST)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(SECOND)
    return numbers ^ (numbers >> np.uint64(31))


def _hash(tokens: Sequence[int]) -> int:
    state = np.zeros(1, np.uint64)
    for token in tokens:
        state = mixed(state ^ np.uint64(token + 1) * np.full(1, GOLDEN, np.uint64))
    return int(state[0])


def uniform(keys: Tensor, width: int, seed: int, place: int) -> Tensor:
    """Return numbers between 0 and 1, equally likely: the same ones for the same key, seed and place.

    Parameters
    ----------
    keys
        A number for each text or token [...].
    width
        How many are drawn for each.
    seed
        The lesion's seed.
    place
        Where in the network they are used.

    Returns
    -------
    Tensor [..., width]
        Multiples of 2^-24 and a half of that.
    """
    start = mixed(np.array([seed], np.uint64) + np.uint64(place + 1) * np.full(1, GOLDEN, np.uint64)).view(np.int64)[0]
    steps = torch.arange(1, width + 1, device=keys.device) * (GOLDEN - 2**64)
    state = (keys ^ int(start))[..., None] + steps
    state = (state ^ _right(state, 30)) * (FIRST - 2**64)
    state = (state ^ _right(state, 27)) * (SECOND - 2**64)
    state = state ^ _right(state, 31)
    return (_right(state, 40).float() + 0.5) / 2**24


def normal(keys: Tensor, width: int, seed: int, place: int) -> Tensor:
    """Return numbers of a standard normal distribution [..., width]; parameters as in `uniform`."""
    drawn: Tensor = torch.special.ndtri(uniform(keys, width, seed, place))
    return drawn


def _right(numbers: Tensor, by: int) -> Tensor:
    """Shift to the right, filling with zeros, which torch does not have for signed integers."""
    return (numbers >> by) & ((1 << (64 - by)) - 1)
