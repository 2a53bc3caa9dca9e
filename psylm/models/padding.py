"""Whether texts of different lengths may stand in one batch: tried, since no configuration says it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from psylm.models.query import Row

SHORTEST = 16
"""Tokens of the longest row of a trial, at least."""

CLOSE = {torch.float32: 3e-5}
"""Difference of states, in parts of the largest, that is rounding; in lower precisions `COARSE`."""

COARSE = 0.05

TRIED = 64
"""Numbers of tokens that trials use: the first of any vocabulary, past the special ones at its beginning."""


class PaddingTrials:
    """Says of rows up to some length whether a network gives them the same states beside longer ones as alone.

    A mask hides padding from plain attention. Fourier transforms (FNet), convolutions (ConvBERT), landmarks and other
    approximations of attention mix it in all the same, some only from a certain length on. So each length, rounded up
    to a power of two, is tried once before rows of that length are batched with shorter ones.

    Parameters
    ----------
    run
        Returns the states [rows, places, width] of rows in one batch.
    row
        Makes a row out of a token sequence.
    window
        Tokens of the longest row that there can be, or None.

    Examples
    --------
    >>> def run(rows):  # a network whose states are means over the batch's length, as an unmasked mixture gives
    ...     longest = max(map(len, rows))
    ...     return torch.tensor([[[sum(row.ids) / longest]] * longest for row in rows])
    >>> PaddingTrials(run, lambda ids: Row(ids, []), None).allow(10, torch.float32)
    False
    """

    def __init__(
        self, run: Callable[[Sequence[Row]], Tensor], row: Callable[[tuple[int, ...]], Row], window: int | None
    ) -> None:
        self._run = run
        self._row = row
        self._window = window
        self._found: dict[int, bool] = {}

    def allow(self, length: int, dtype: torch.dtype) -> bool:
        """Whether shorter rows may stand beside one of so many tokens."""
        size = trial_size(length, self._window)
        if size not in self._found:
            self._found[size] = self._try(size, dtype)
        return self._found[size]

    def _try(self, size: int, dtype: torch.dtype) -> bool:
        rows = [self._row(trial_tokens(length, length)) for length in (size, size - 1, size // 2 + 1, 3)]
        together = self._run(rows)
        for states, row in zip(together, rows, strict=True):
            own = self._run([row])[0]
            apart = (states[: len(own)] - own).abs().max()
            if not apart <= CLOSE.get(dtype, COARSE) * own.abs().max():
                return False
        return True


def trial_size(length: int, window: int | None) -> int:
    """Round a length up to one that is tried: a power of two, or the window.

    Examples
    --------
    >>> trial_size(3, 512), trial_size(100, 512), trial_size(300, 510)
    (16, 128, 510)
    """
    size = max(SHORTEST, 1 << (length - 1).bit_length())
    return min(size, window or size)


def trial_tokens(length: int, seed: int) -> tuple[int, ...]:
    """Return tokens from the beginning of a vocabulary, past its special ones: the same each time."""
    return tuple(8 + (seed + place * place * 31 + place * 7) % (TRIED - 8) for place in range(length))
