"""Which words a masked language model must guess, and what it sees in their place (Devlin et al. 2019, section 3.1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

SELECTED = 0.15
"""Share of tokens that are predicted."""

AS_MASK, AS_RANDOM = 0.8, 0.1
"""Share of the selected that are replaced by the mask, and by a random token; the rest are left as they are."""


@dataclass(frozen=True)
class MaskedBatch:
    """A batch for masked language modelling.

    Parameters
    ----------
    ids
        What the model reads [batch, n].
    selected
        Boolean [batch, n], True where a token is to be predicted.
    targets
        The tokens that stood there, row by row [selected].
    attended
        Boolean [batch, n], False at padding; None without padding.
    segments
        Segment of each token [batch, n], or None.
    follows
        Boolean [batch]: whether the second segment follows the first; None without that task.
    """

    ids: Tensor
    selected: Tensor
    targets: Tensor
    attended: Tensor | None = None
    segments: Tensor | None = None
    follows: Tensor | None = None

    @property
    def count(self) -> int:
        """Predictions."""
        return len(self.targets)

    @property
    def tokens(self) -> int:
        """Tokens read."""
        return self.ids.numel() if self.attended is None else int(self.attended.sum())


def mask_tokens(
    ids: np.ndarray,
    maskable: np.ndarray,
    mask: int,
    ordinary: np.ndarray,
    random: np.random.Generator,
    words: np.ndarray | None = None,
    share: float = SELECTED,
) -> tuple[np.ndarray, np.ndarray]:
    """Select 15% of the tokens; replace 80% of those by the mask and 10% by a random token.

    Parameters
    ----------
    ids
        Token identities [n].
    maskable
        Boolean [n], False for special tokens.
    mask
        Identity of the mask token.
    ordinary
        Identities that a random token is drawn from.
    random
        Source of randomness.
    words
        Number of the word that each token belongs to [n], for whole-word masking: words are selected, not tokens.
    share
        Share of tokens, or words, that is selected.

    Returns
    -------
    seen, selected
        What the model reads [n], and which tokens it must predict (boolean [n]).

    References
    ----------
    Devlin et al. (2019), *BERT*, section 3.1 and appendix A.1. Wettig et al. (2023), *Should you mask 15% in masked
    language modeling?*, for larger shares.

    Examples
    --------
    >>> ids = np.arange(100, 110)
    >>> seen, selected = mask_tokens(ids, ids > 100, 4, np.arange(100, 200), np.random.default_rng(5))
    >>> bool((seen[~selected] == ids[~selected]).all()), bool(selected[0])
    (True, False)
    """
    if words is None:
        selected = random.random(len(ids)) < share
    else:
        numbers, place = np.unique(words, return_inverse=True)
        selected = (random.random(len(numbers)) < share)[place]
    selected = selected & maskable
    how = random.random(len(ids))
    drawn = random.choice(ordinary, len(ids))
    seen = np.where(selected & (how < AS_MASK), mask, ids)
    seen = np.where(selected & (how >= AS_MASK) & (how < AS_MASK + AS_RANDOM), drawn, seen)
    return seen, selected


def masked_batch(
    rows: list[np.ndarray],
    masks: list[tuple[np.ndarray, np.ndarray]],
    padding: int,
    segments: list[np.ndarray] | None = None,
    follows: list[bool] | None = None,
) -> MaskedBatch:
    """Stack rows that have been masked, padded on the right to the longest.

    Parameters
    ----------
    rows
        Token identities as they were.
    masks
        What `mask_tokens` returned for each.
    padding
        Identity of the padding token.
    segments, follows
        For next-sentence prediction: each row's segments, and whether the second follows the first.
    """
    longest = max(map(len, rows))
    attended = torch.tensor([[place < len(row) for place in range(longest)] for row in rows])

    def stacked(arrays: list[np.ndarray], filler: int) -> Tensor:
        out = np.full((len(arrays), longest), filler, dtype=np.int64)
        for number, array in enumerate(arrays):
            out[number, : len(array)] = array
        return torch.from_numpy(out)

    selected = stacked([chosen for _, chosen in masks], 0).bool()
    return MaskedBatch(
        ids=stacked([seen for seen, _ in masks], padding),
        selected=selected,
        targets=stacked(rows, padding)[selected],
        attended=None if bool(attended.all()) else attended,
        segments=None if segments is None else stacked(segments, 0),
        follows=None if follows is None else torch.tensor(follows),
    )
