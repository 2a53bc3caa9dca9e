"""What is kept of a distribution over the vocabulary, so that the distribution itself need not be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor

    from psylm.models.base import LanguageModel
    from psylm.models.query import Distributions

Statistic: TypeAlias = "Callable[[Distributions, Tensor, Tensor], Tensor]"
"""A value for each item from its distribution: `Distributions.rank`, or one of a place, such as its entropy."""

KEEP = -2
"""Stands for the token of an item whose whole distribution is wanted."""


class Wanted:
    """Reduces distributions to what is wanted of each item, and keeps those of blanks whole.

    Parameters
    ----------
    model
        The model.
    statistics
        What is wanted besides log-probabilities.
    boundaries
        Whether the log-probability that a new unit begins is wanted.

    Attributes
    ----------
    kept
        Natural log-probabilities [vocabulary] of each blank; its item's value is the number of its entry.
    """

    def __init__(self, model: LanguageModel, statistics: Mapping[str, Statistic], *, boundaries: bool) -> None:
        self.begins = model.begins_unit
        self.statistics = statistics
        self.boundaries = boundaries
        self.width = 2 + len(statistics)
        self.kept: list[Tensor] = []

    def __call__(self, distributions: Distributions, places: Tensor, tokens: Tensor) -> Tensor:
        """Return log-probability, boundary and statistics [items, width]."""
        import torch

        columns = [distributions.log_probability(places, tokens)]
        begins = distributions.log_share(self.begins)[places] if self.boundaries else torch.zeros_like(columns[0])
        columns += [begins, *(statistic(distributions, places, tokens) for statistic in self.statistics.values())]
        for item in (tokens == KEEP).nonzero()[:, 0].tolist():
            columns[0][item] = len(self.kept)
            self.kept.append(distributions.log_probabilities[places[item]].clone())
        return torch.stack([column.double() for column in columns], -1)
