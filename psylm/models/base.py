"""What every language model can be asked: the distribution over a token at a position of a sequence."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from psylm.common.errors import InputError, Problem, PsylmError
from psylm.models.attention_input import At, Laid, Reading
from psylm.models.families import FAMILIES, Family, Hiding
from psylm.models.head import Head
from psylm.models.memory import Allowance, give_back_freed_memory, ran_out_of_memory
from psylm.models.padding import PaddingTrials
from psylm.models.query import Distributions, Query, Row, batches, items_of, padded
from psylm.models.tokens import Tokenizer

if TYPE_CHECKING:
    from psylm.models.names import ModelSource

Reduce = Callable[[Distributions, Tensor, Tensor], Tensor]
"""Takes distributions at places, the place of each item and its token; returns a value or a vector an item."""

Span = tuple[int, int]
"""Tokens of a word: `text[first:last]`."""

KEPT_BATCHES = 8
"""Batches after which freed memory is given back to the system."""

LONGEST_WINDOW = 2048
"""Tokens that are read at a time by a model that states no window of its own."""


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
    word_marking: str
    compared: str | None = None
    """Where the architecture's scores were compared with `transformers`' own; None for what it does not run."""
    start: dict[str, Any] | None = None
    """What stands before a plain text (`psylm.models.start`): `kind`, `text` and `reason`; None where a text stands
    between the tokenizer's own special tokens."""
    training: dict[str, Any] | None = None
    """Architecture, seed, step and tokens of a model that `psylm train` made."""
    lesion: dict[str, Any] | None = None
    """`changes`, as its name has them, and the `facts` of each: kind, strength, seed, heads."""


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
    allowance
        How much it may compute at a time. It changes speed and memory, never a score.

    Attributes
    ----------
    source
        Its name, read; None for a model that was not loaded by a name.
    remembered
        What measures have computed and may need again.
    window
        Tokens, special tokens included, that are read at a time: at most the model's own window.
    overlap
        Tokens of context at least, where a text that is read from left to right is longer than the window.
    """

    family: ClassVar[str]
    hiding: ClassVar[Hiding] = "within_word"
    """What is hidden by default while a word is predicted."""

    def __init__(self, network: Any, tokenizer: Tokenizer, info: ModelInfo, allowance: Allowance) -> None:
        self.network = network
        self.tokenizer = tokenizer
        self.info = info
        self.allowance = allowance
        self.source: ModelSource | None = None
        self.remembered: dict[Any, Any] = {}
        self._batches = 0
        self.window = info.window or LONGEST_WINDOW
        self.overlap = self.window // 2
        self.head = self._make_head(network)
        self.begins_unit: Tensor = tokenizer.begins_unit(self.head.size).to(network.device)

    @abstractmethod
    def word_queries(
        self, text: tuple[int, ...], words: Sequence[Span], hiding: Hiding = "within_word", *, after: bool = True
    ) -> tuple[list[Query], list[int]]:
        """Return the queries whose log-probabilities make up those of a text's words.

        Parameters
        ----------
        text
            The text's tokens, without special tokens.
        words
            The words, ascending.
        hiding
            What a model that can see both sides must not see while it predicts a token; others ignore it.
        after
            Ask a model that reads from left to right for the distribution after each word as well, which says if
            the word is over; others ignore it.

        Returns
        -------
        queries
            Their items, taken together, are those of the words in order: each word's tokens, and the place after
            the word where that was asked.
        counts
            How many items belong to each word; 0 where the model cannot predict it.
        """

    @abstractmethod
    def blank_query(self, text: tuple[int, ...], first: int, last: int) -> Query | None:
        """Return the query for the (first) token of a blank that stands in place of `text[first:last]`.

        None where the model cannot predict there, and for an empty range.
        """

    def sequence(self, text: tuple[int, ...]) -> tuple[int, ...]:
        """Return a text's tokens with the special tokens that the model expects around them."""
        before, after = self.tokenizer.around
        return (*before, *text, *after)

    def continuation_query(self, before: tuple[int, ...], after: tuple[int, ...]) -> Query:
        """Return the query for tokens that follow others.

        Parameters
        ----------
        before
            What is read first, as `sequence` gives it.
        after
            The tokens that are predicted.
        """
        raise PsylmError(f"model {self.info.name!r}: {self.traits.described} cannot go on with a text")

    def lay(self, text: tuple[int, ...], words: np.ndarray, span: Span, at: At) -> Laid | str:
        """Lay out what is read so that the attention of one word can be looked at.

        Parameters
        ----------
        text
            The text's tokens, without special tokens.
        words
            The number of each token's word [tokens].
        span
            The tokens of the word that asks.
        at
            The place that predicts it, or the word itself.

        Returns
        -------
        Laid
            Or the reason why there is nothing to look at.
        """
        raise PsylmError(f"model {self.info.name!r}: {self.traits.described} has no attention to look at")

    def read_attended(self, readings: Sequence[Reading], **asked: Any) -> Any:
        """Run the part of the network whose attention is wanted; by default its body.

        Parameters
        ----------
        readings
            What it reads, all of one stream.
        asked
            What else to ask a `transformers` model for.
        """
        ids, there = padded([reading.ids for reading in readings], self.tokenizer.filler, self.network.device)
        return self.head.body(input_ids=ids, attention_mask=there.long(), **asked)

    def states_before_output(self, query: Query, copies: int) -> Tensor:
        """Return the states from which a query's items are predicted, with gradients [copies, items, width].

        Parameters
        ----------
        query
            What is asked.
        copies
            How often it is read, side by side.
        """
        raise PsylmError(
            f"model {self.info.name!r}: {self.traits.described} has no embeddings that attribution goes to"
        )

    def own_logits(self, query: Query) -> Tensor:
        """Return the network's own logits for a query's items [items, vocabulary], read alone and without this class.

        What the class makes of queries in company is compared with them (`psylm.models.comparison`).
        """
        raise PsylmError(f"model {self.info.name!r}: transformers does not run {self.traits.described}")

    def _make_head(self, network: Any) -> Any:
        """Return what turns hidden states into logits; its `size` is the number of them."""
        return Head(network)

    def _input(self, *sequences: Sequence[int]) -> Tensor:
        """Return token sequences of one length as the network takes them [sequences, tokens]."""
        return torch.tensor([list(ids) for ids in sequences], device=self.network.device)

    @abstractmethod
    def _rows(self, queries: Sequence[Query]) -> list[Row]:
        """Return the rows to run; what queries have in common is in one row, once."""

    @abstractmethod
    def _hidden(self, rows: Sequence[Row]) -> Tensor:
        """Run the network's body over rows; returns hidden states [rows, places, width]."""

    def may_pad(self, length: int) -> bool:
        """Whether shorter texts may stand beside one of so many tokens in a batch without a change of their scores.

        A model that reads from left to right cannot see the padding, which stands on the right; of others it is tried.
        """
        return self.left_to_right or self._padding.allow(length, self.network.dtype)

    @cached_property
    def _padding(self) -> PaddingTrials:
        return PaddingTrials(self._hidden, self._trial_row, self.info.window)

    def _trial_row(self, ids: tuple[int, ...]) -> Row:
        """Return a row that reads tokens and predicts at each, on which padding is tried."""
        return Row(ids, [], targets=tuple(range(len(ids))))

    @property
    def traits(self) -> Family:
        """The record of the model's family."""
        return FAMILIES.named(self.family, f"model {self.info.name!r}, its family")

    @property
    def left_to_right(self) -> bool:
        """Whether a word is predicted from what stands before it only."""
        return self.traits.left_to_right

    @contextmanager
    def reading(self, window: int | None, overlap: int | None) -> Iterator[None]:
        """Read in other windows for a while.

        Parameters
        ----------
        window, overlap
            As the attributes; None for the model's window, and for half the window.

        Raises
        ------
        InputError
            The window is longer than the model's, or the overlap leaves nothing to go on with.
        """
        before = self.window, self.overlap
        window = window or before[0]
        overlap = window // 2 if overlap is None else overlap
        if window > before[0]:
            raise InputError(Problem("window", f"{window} tokens", f"at most {before[0]}, as {self.info.name} allows"))
        if overlap > window - 2:
            raise InputError(Problem("overlap", f"{overlap} tokens", f"at most {window - 2}"))
        self.window, self.overlap = window, overlap
        try:
            yield
        finally:
            self.window, self.overlap = before

    def check_length(self, ids: Sequence[int], place: str) -> None:
        """Raise where a sequence is longer than the model's window."""
        if self.info.window is not None and len(ids) > self.info.window:
            raise PsylmError(
                f"{place}: found {len(ids)} tokens; expected at most {self.info.window}, the window of {self.info.name}"
            )

    def predict(self, queries: Sequence[Query], reduce: Reduce) -> list[np.ndarray]:
        """Ask for distributions, and reduce them to what is wanted before the next are computed.

        What inputs have in common runs once; rows of like length run together. The full vocabulary is computed at
        the asked positions only, a bounded number of them at a time.

        Parameters
        ----------
        queries
            What is asked, in any order.
        reduce
            Gets the distributions at some places, the place of each item [items] and its token [items]; returns a
            value or a vector for each item.

        Returns
        -------
        list of ndarray
            For each query, in order: what `reduce` returned for its items [items, ...].

        Raises
        ------
        PsylmError
            A single row is more than the memory holds.
        """
        first = [0, *accumulate(len(query.at) for query in queries)]
        answers: np.ndarray | None = None
        with torch.inference_mode():
            rows = self._rows(queries)
            self.check_room(rows)
            waiting = list(batches(rows, self.allowance.tokens, self.may_pad))[::-1]
            while waiting:
                batch = waiting.pop()
                self._batches += 1
                if self._batches % KEPT_BATCHES == 0:
                    give_back_freed_memory()
                try:
                    parts = self._answers(batch, queries, first, reduce)
                except (RuntimeError, MemoryError) as error:
                    if not ran_out_of_memory(error):
                        raise
                    waiting += self._smaller(batch)
                    continue
                for numbers, values in parts:
                    if answers is None:
                        answers = np.empty((first[-1], *values.shape[1:]), values.dtype)
                    answers[numbers] = values
        if answers is None:
            return [np.empty(0) for _ in queries]
        return [answers[a:b] for a, b in pairwise(first)]

    def _answers(
        self, batch: Sequence[Row], queries: Sequence[Query], first: Sequence[int], reduce: Reduce
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the numbers of a batch's items and what is wanted of them, in chunks."""
        device = self.network.device
        hidden = self._hidden(batch)
        items = items_of(batch, queries, first, hidden.shape[1])
        places, place_of = items.places.unique_consecutive(return_inverse=True)
        chosen = hidden.flatten(0, 1)[places.to(device)]
        del hidden
        parts = []
        for begin in range(0, len(places), self.allowance.rows):
            end = min(begin + self.allowance.rows, len(places))
            a, b = torch.searchsorted(place_of, torch.tensor([begin, end])).tolist()
            distributions = Distributions(self.head(chosen[begin:end]))
            values = reduce(distributions, (place_of[a:b] - begin).to(device), items.tokens[a:b].to(device))
            parts.append((items.numbers[a:b].numpy(), values.cpu().numpy()))
        return parts

    def check_room(self, rows: Sequence[Row]) -> None:
        """Raise where a single text is more than the window, or than a ceiling on memory, has room for.

        No window is made smaller for it.
        """
        for row in rows:
            if not row.branches:
                for read in (row.source, row.ids):
                    self.check_length(read, f"text of {len(read)} tokens")
        longest, room = max(map(len, rows), default=0), self.allowance.longest
        if room is not None and longest > room:
            raise PsylmError(
                f"{self.info.name}: found a text or window of {longest} tokens; expected at most {room} under this "
                "memory ceiling: shorter texts, a smaller window (which changes scores) or a higher ceiling"
            )

    def _smaller(self, batch: list[Row]) -> list[list[Row]]:
        """Halve a batch that did not fit, and what is computed at a time from now on."""
        self.allowance = self.allowance.halved()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if len(batch) > 1:
            return [batch[len(batch) // 2 :], batch[: len(batch) // 2]]
        if self.allowance.rows >= 1:
            return [batch]
        raise PsylmError(
            f"{self.info.name}: one text of {len(batch[0])} tokens is more than the memory holds; "
            "expected shorter texts, a smaller window or more memory"
        )
