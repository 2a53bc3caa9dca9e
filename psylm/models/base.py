"""What every language model can be asked: the distribution over a token at a position of a sequence."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor

from psylm.errors import PsylmError
from psylm.models.tokens import Tokenizer

T = TypeVar("T")

ROWS = 256
"""Distributions that are held at a time: memory is this many rows of the vocabulary, whatever the input."""


@dataclass(frozen=True)
class Query:
    """Positions of a token sequence at which the model is to predict the token.

    Parameters
    ----------
    ids
        The whole input, special tokens included.
    at
        Positions to predict, ascending; a causal model may be asked for the one after the end.
    tokens
        The tokens whose probability is wanted there; -1 where only the distribution is.
    """

    ids: tuple[int, ...]
    at: tuple[int, ...]
    tokens: tuple[int, ...]


@dataclass(frozen=True)
class Row:
    """One row of a batch, with the queries that it answers.

    Parameters
    ----------
    ids
        Its tokens.
    answers
        For each query: its number, and the places in the row whose hidden states predict its positions.
    positions, branches
        Where several sequences share their beginning (branch 0), each token's position in its own sequence, and
        the sequence it belongs to; empty where the row is a single sequence.
    """

    ids: tuple[int, ...]
    answers: list[tuple[int, tuple[int, ...]]]
    positions: tuple[int, ...] = ()
    branches: tuple[int, ...] = ()


@dataclass(frozen=True)
class ModelInfo:
    """What a manifest says of a model: everything needed to load the same one again."""

    name: str
    family: str
    architecture: str
    parameters: int
    vocabulary: int
    window: int | None
    licence: str
    revision: str
    sha256: str
    dtype: str
    device: str
    beginning_of_sequence: str | None
    word_marking: str


class LanguageModel(ABC):
    """A pretrained model with its tokenizer.

    Parameters
    ----------
    network
        The `transformers` model, in evaluation mode, on its device.
    tokenizer
        Its tokenizer.
    info
        What it is.
    batch_tokens
        Tokens, padding included, in one forward pass. It changes speed and memory, never a score.

    Attributes
    ----------
    remembered
        What measures have computed and may need again.
    """

    family: ClassVar[str]

    def __init__(self, network: Any, tokenizer: Tokenizer, info: ModelInfo, batch_tokens: int = 2048) -> None:
        self.network = network
        self.tokenizer = tokenizer
        self.info = info
        self.batch_tokens = batch_tokens
        self.remembered: dict[Any, Any] = {}
        self.head = Head(network)
        begins = tokenizer.begins_unit(self.head.size)
        self.begins_unit: Tensor = begins.to(network.device)

    @abstractmethod
    def word_queries(self, text: tuple[int, ...], first: int, last: int) -> list[Query]:
        """Return the queries whose log-probabilities add up to that of one word.

        Parameters
        ----------
        text
            The text's tokens, without special tokens.
        first, last
            The word's tokens are `text[first:last]`.
        """

    @abstractmethod
    def blank_query(self, text: tuple[int, ...], first: int, last: int) -> Query | None:
        """Return the query for the (first) token of a blank that stands in place of `text[first:last]`.

        None where the model cannot predict there, and for an empty range.
        """

    @abstractmethod
    def sequence(self, text: tuple[int, ...]) -> tuple[int, ...]:
        """Return a text's tokens with the special tokens that the model expects around them."""

    @abstractmethod
    def _rows(self, queries: Sequence[Query]) -> list[Row]:
        """Return the rows to run; what queries have in common is in one row, once."""

    @abstractmethod
    def _hidden(self, rows: Sequence[Row]) -> Tensor:
        """Run the network's body over rows; returns hidden states [rows, longest, width]."""

    def check_length(self, ids: Sequence[int], place: str) -> None:
        """Raise where a sequence is longer than the model's window."""
        if self.info.window is not None and len(ids) > self.info.window:
            raise PsylmError(
                f"{place}: found {len(ids)} tokens; expected at most {self.info.window}, the window of {self.info.name}"
            )

    def predict(self, queries: Sequence[Query], reduce: Callable[[Tensor, Tensor], T]) -> list[T]:
        """Ask for distributions, and reduce each query's to what is wanted before the next is computed.

        What inputs have in common runs once; rows of like length run together. The full vocabulary is computed at
        the asked positions only, at most `ROWS` at a time.

        Parameters
        ----------
        queries
            What is asked, in any order.
        reduce
            Gets the natural log-probabilities [positions, vocabulary] of one query and its tokens [positions].

        Returns
        -------
        list
            What `reduce` returned, in the order of the queries.
        """
        answers: dict[int, T] = {}
        with torch.inference_mode():
            for batch in batches(self._rows(queries), self.batch_tokens):
                hidden = self._hidden(batch)
                for group in _groups(batch):
                    answers.update(self._answer(hidden, group, queries, reduce))
        return [answers[index] for index in range(len(queries))]

    def _answer(
        self,
        hidden: Tensor,
        group: list[tuple[int, list[tuple[int, int]]]],
        queries: Sequence[Query],
        reduce: Callable[[Tensor, Tensor], T],
    ) -> Iterator[tuple[int, T]]:
        places = sorted({place for _, asked in group for place in asked})
        order = {place: number for number, place in enumerate(places)}
        rows, positions = torch.tensor(places, device=hidden.device).T
        log_probabilities = self.head(hidden[rows, positions]).float().log_softmax(-1)
        for index, asked in group:
            mine = log_probabilities[[order[place] for place in asked]]
            yield index, reduce(mine, torch.tensor(queries[index].tokens, device=hidden.device))


class Head:
    """The part of a network that turns hidden states into logits, for positions that we choose.

    The network's own code computes the logits, from a body that is replaced for the call by one that returns the
    chosen hidden states; so a head's own scaling, soft caps and transforms are all in. Whether that equals the
    network as a whole is tried once, when it is made.
    """

    def __init__(self, network: Any) -> None:
        self.network = network
        self.body = network.base_model
        probe = torch.tensor([[0, 1, 0]], device=network.device)
        with torch.inference_mode():
            whole = network(input_ids=probe).logits[0]
            self._output = self.body(input_ids=probe)
            apart = None if self.body is network else self(self._output.last_hidden_state[0])
        if apart is None or not torch.allclose(whole, apart, atol=1e-4, rtol=1e-4):
            raise PsylmError(
                f"{type(network).__name__}: its output layer cannot be run apart from its body; "
                "psylm cannot score with it"
            )
        self.size: int = whole.shape[-1]

    def __call__(self, hidden: Tensor) -> Tensor:
        """Return the logits [rows, vocabulary] of hidden states [rows, width]."""
        with self._body_returning(hidden[None]):
            logits: Tensor = self.network(input_ids=torch.zeros(1, len(hidden), dtype=torch.long)).logits
        return logits[0]

    @contextmanager
    def _body_returning(self, hidden: Tensor) -> Iterator[None]:
        output = type(self._output)(last_hidden_state=hidden)
        self.body.forward = lambda *_args, **_kwargs: output
        try:
            yield
        finally:
            del self.body.forward


def batches(rows: Iterable[Row], budget: int) -> Iterator[list[Row]]:
    """Pack rows, longest first, into batches whose padded size stays within a budget of tokens.

    Examples
    --------
    >>> [[len(row.ids) for row in batch] for batch in batches([Row((1,) * n, []) for n in (2, 5, 2, 4, 1)], 10)]
    [[5, 4], [2, 2, 1]]
    """
    batch: list[Row] = []
    for row in sorted(rows, key=lambda row: len(row.ids), reverse=True):
        if batch and len(batch[0].ids) * (len(batch) + 1) > budget:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _groups(batch: list[Row]) -> Iterator[list[tuple[int, list[tuple[int, int]]]]]:
    """Split what is asked of a batch so that no group has more than `ROWS` places (a single query may)."""
    group: list[tuple[int, list[tuple[int, int]]]] = []
    size = 0
    for number, row in enumerate(batch):
        for index, places in row.answers:
            if group and size + len(places) > ROWS:
                yield group
                group, size = [], 0
            group.append((index, [(number, place) for place in places]))
            size += len(places)
    if group:
        yield group


def padded(sequences: Sequence[tuple[int, ...]], filler: int, device: Any) -> tuple[Tensor, Tensor]:
    """Stack sequences [sequences, longest], padded on the right, with the mask of what is not padding."""
    lengths = torch.tensor([len(ids) for ids in sequences])
    ids = torch.full((len(sequences), int(lengths.max())), filler, dtype=torch.long)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = torch.tensor(sequence)
    attended = torch.arange(ids.shape[1])[None] < lengths[:, None]
    return ids.to(device), attended.to(device)
