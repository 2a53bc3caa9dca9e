"""What a model is asked, how it is laid out for one pass, and the distributions that come back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor


@dataclass(frozen=True)
class Query:
    """Positions of a token sequence at which the model is to predict tokens.

    Parameters
    ----------
    ids
        The whole input, special tokens included; what a decoder reads, where the model has one.
    at
        The position of each item that is asked, ascending; a position may be asked for several tokens. A model
        that reads from left to right may be asked for the one after the end.
    tokens
        The token of each item, whose probability is wanted there; -1 where only the distribution is.
    source
        What the encoder reads, of a model that has both encoder and decoder.
    unseen
        Positions of `ids` that the model must not see, of a model that can read in any order.
    """

    ids: tuple[int, ...]
    at: tuple[int, ...]
    tokens: tuple[int, ...]
    source: tuple[int, ...] = ()
    unseen: tuple[int, ...] = ()


class Answer(NamedTuple):
    """Where a query's items are found in a row: the number of the query, and a place of the row for each item."""

    query: int
    places: tuple[int, ...]


@dataclass(frozen=True)
class Row:
    """One row of a batch, with the queries that it answers.

    Parameters
    ----------
    ids
        Its tokens.
    answers
        The queries that it answers; the hidden state at a place predicts the item.
    positions, branches
        Where several sequences share their beginning (branch 0), each token's position in its own sequence, and
        the sequence it belongs to; empty where the row is a single sequence.
    source, unseen, targets
        As in `Query`; `targets` are the positions that are predicted by a stream of their own, one a place.
    """

    ids: tuple[int, ...]
    answers: list[Answer]
    positions: tuple[int, ...] = ()
    branches: tuple[int, ...] = ()
    source: tuple[int, ...] = ()
    unseen: tuple[int, ...] = ()
    targets: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.ids) + len(self.source) + len(self.targets)

    @property
    def shape(self) -> tuple[int, int]:
        """Tokens that are read, and those that the encoder reads."""
        return len(self.ids), len(self.source)


class Distributions:
    """Distributions over the vocabulary at some places, and what measures reduce them to.

    Only what is asked for is computed; nothing of the vocabulary's width outlives the chunk.

    Parameters
    ----------
    logits
        Logits [places, vocabulary].

    Examples
    --------
    >>> two = Distributions(torch.log(torch.tensor([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]])))
    >>> two.log_probability(torch.tensor([0, 1]), torch.tensor([1, 2])).exp().tolist()
    [0.25, 0.699...]
    >>> two.entropy().tolist()  # in nats
    [1.039..., 0.801...]
    >>> two.rank(torch.tensor([0, 1]), torch.tensor([0, 0])).tolist()
    [1, 3]
    """

    def __init__(self, logits: Tensor) -> None:
        self.logits = logits

    @cached_property
    def log_probabilities(self) -> Tensor:
        """Natural log-probabilities [places, vocabulary]."""
        return self.logits.log_softmax(-1, dtype=torch.float32)

    @cached_property
    def probabilities(self) -> Tensor:
        """Probabilities [places, vocabulary]."""
        return self.log_probabilities.exp()

    def log_probability(self, places: Tensor, tokens: Tensor) -> Tensor:
        """Natural log-probability [items] of tokens at places; 0 for the item that asks for none (-1)."""
        found = self.log_probabilities[places, tokens.clamp(min=0)]
        return found.where(tokens >= 0, 0.0)

    def rank(self, places: Tensor, tokens: Tensor) -> Tensor:
        """1 + the number of tokens that are more probable [items]; 1 for the item that asks for none."""
        mine = self.log_probabilities[places, tokens.clamp(min=0)]
        more = zip(places.tolist(), mine, strict=True)
        ranks = [(self.log_probabilities[place] > log_probability).sum() for place, log_probability in more]
        return (torch.stack(ranks) + 1).where(tokens >= 0, 1)

    def entropy(self) -> Tensor:
        """Shannon entropy [places] in nats; a token of probability 0 adds nothing."""
        return -(self.probabilities * self.log_probabilities).nansum(-1)

    def renyi(self, alpha: float) -> Tensor:
        """Rényi entropy [places] of order alpha, in nats; Shannon's is its limit at 1."""
        if alpha == 1:
            return self.entropy()
        return (alpha * self.log_probabilities).logsumexp(-1) / (1 - alpha)

    def log_share(self, tokens: Tensor) -> Tensor:
        """Natural log-probability [places] of a set of tokens, given as a boolean [vocabulary]."""
        return (self.probabilities @ tokens.to(self.probabilities.dtype)).log()


class Items(NamedTuple):
    """What is asked of a batch: for each item its place among the hidden states, its token, and its number."""

    places: Tensor
    tokens: Tensor
    numbers: Tensor


def items_of(batch: Sequence[Row], queries: Sequence[Query], first: Sequence[int], width: int) -> Items:
    """List the items of a batch, those of one place together.

    Parameters
    ----------
    batch
        Rows.
    queries
        All queries.
    first
        Number of each query's first item.
    width
        Places in a row of hidden states.
    """
    places: list[int] = []
    tokens: list[int] = []
    numbers: list[int] = []
    for number, row in enumerate(batch):
        for query, mine in row.answers:
            places += [number * width + place for place in mine]
            tokens += queries[query].tokens
            numbers += range(first[query], first[query] + len(mine))
    order = torch.tensor(places).argsort(stable=True)
    return Items(torch.tensor(places)[order], torch.tensor(tokens)[order], torch.tensor(numbers)[order])


def batches(rows: Iterable[Row], budget: int, may_pad: Callable[[int], bool] = lambda _: True) -> Iterator[list[Row]]:
    """Pack rows, longest first, into batches whose padded size stays within a budget of tokens.

    Parameters
    ----------
    rows
        The rows.
    budget
        Tokens of a batch, padding included; a longer row is a batch of its own.
    may_pad
        Whether shorter rows may stand beside one of so many tokens; where not, all rows of a batch have its shape.

    Examples
    --------
    >>> [[len(row) for row in batch] for batch in batches([Row((1,) * n, []) for n in (2, 5, 2, 4, 1)], 10)]
    [[5, 4], [2, 2, 1]]
    >>> rows = [Row((1,) * n, []) for n in (2, 5, 2, 4, 1)]
    >>> [[len(row) for row in batch] for batch in batches(rows, 10, lambda length: False)]
    [[5], [4], [2, 2], [1]]
    """
    batch: list[Row] = []
    for row in sorted(rows, key=lambda row: (len(row), row.shape), reverse=True):
        full = batch and len(batch[0]) * (len(batch) + 1) > budget
        if full or (batch and row.shape != batch[0].shape and not may_pad(max(*batch[0].shape, *row.shape))):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def padded(sequences: Sequence[tuple[int, ...]], filler: int, device: Any) -> tuple[Tensor, Tensor]:
    """Stack sequences [sequences, longest], padded on the right, with the mask of what is not padding."""
    lengths = torch.tensor([len(ids) for ids in sequences])
    longest = int(lengths.max())
    ids = torch.tensor([[*sequence, *(filler,) * (longest - len(sequence))] for sequence in sequences])
    attended = torch.arange(longest)[None] < lengths[:, None]
    return ids.to(device), attended.to(device)
