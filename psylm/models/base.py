"""What every language model can be asked: the distribution over a token at a position of a sequence."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from psylm.common.errors import InputError, Problem, PsylmError
from psylm.models.head import Head
from psylm.models.memory import Allowance, give_back_freed_memory, ran_out_of_memory
from psylm.models.padding import PaddingTrials
from psylm.models.query import Distributions, Query, Row, batches, items_of
from psylm.models.tokens import Tokenizer

Reduce = Callable[[Distributions, Tensor, Tensor], Tensor]
"""Takes distributions at places, the place of each item and its token; returns a value or a vector an item."""

Span = tuple[int, int]
"""Tokens of a word: `text[first:last]`."""

Hiding = Literal["within_word", "original", "whole_word", "later"]
"""What a model that can see both sides must not see while it predicts a token of a word: this token and the word's
later ones, this token alone, the whole word, or this token and all that follows it in the text."""


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
        raise PsylmError(f"model {self.info.name!r}: a {self.family} model cannot go on with a text")

    def _make_head(self, network: Any) -> Any:
        """Return what turns hidden states into logits; its `size` is the number of them."""
        return Head(network)

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
    def left_to_right(self) -> bool:
        """Whether a word is predicted from what stands before it only."""
        return self.family in ("causal", "ngram", "recurrent")

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
