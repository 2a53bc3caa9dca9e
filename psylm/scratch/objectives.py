"""What a model is trained to predict, and how wrong it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor
from torch.nn.functional import cross_entropy as torch_cross_entropy

IGNORED = -100
"""The target of a place at which nothing is predicted."""


class Loss(NamedTuple):
    """What was lost on a batch.

    Parameters
    ----------
    total
        Sum of the cross-entropies of all predictions, in nats.
    extra
        Loss, a mean over rows, of a second task such as next-sentence prediction; 0 without one.
    """

    total: Tensor
    extra: Tensor | float = 0.0


@dataclass(frozen=True)
class CausalBatch:
    """A batch of rows in which each token but the first is predicted from those before it.

    Parameters
    ----------
    ids
        Token identities [batch, n].
    """

    ids: Tensor

    @property
    def count(self) -> int:
        """Predictions."""
        return int(self.ids[:, 1:].numel())

    @property
    def tokens(self) -> int:
        """Tokens read."""
        return self.count


def cross_entropy(logits: Tensor, targets: Tensor, *, smoothing: float = 0.0) -> Loss:
    r"""Return the summed cross-entropy of targets.

    Parameters
    ----------
    logits
        [..., vocabulary].
    targets
        [...]; `IGNORED` where nothing is predicted.
    smoothing
        ε of label smoothing (Szegedy et al. 2016; Vaswani et al. 2017, section 5.4): the target has probability
        :math:`1 - ε + ε/V`, every other word :math:`ε/V`.

    Examples
    --------
    >>> import torch
    >>> loss = cross_entropy(torch.zeros(2, 4), torch.tensor([1, IGNORED]))
    >>> round(float(loss.total), 4)  # log 4
    1.3863
    """
    total = torch_cross_entropy(
        logits.flatten(0, -2), targets.flatten(), ignore_index=IGNORED, reduction="sum", label_smoothing=smoothing
    )
    return Loss(total)
