"""Batches as a pure function of seed and step: nothing has to be remembered for a killed run to go on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from psylm.models.tokens import boundaries
from psylm.scratch.masking import SELECTED, MaskedBatch, mask_tokens, masked_batch
from psylm.scratch.objectives import CausalBatch
from psylm.scratch.permutation import PermutedBatch, draw_order
from psylm.training.corpus import Corpus, full_sentences

Batch = CausalBatch | MaskedBatch | PermutedBatch

MASKINGS = 10
"""Ways in which BERT's data are masked, used in turn; RoBERTa's are masked anew each time."""


VALIDATION = 2**32 - 1
"""The epoch by which what is drawn for validation is drawn: the same at each measurement."""


class Batches(ABC):
    """Rows of a corpus, in an order that a seed says, as batches for one objective.

    Parameters
    ----------
    corpus
        The corpus.
    tokenizer
        Its tokenizer.
    context
        Tokens of a row at most.
    seed
        Of order and of everything that is drawn.
    """

    def __init__(self, corpus: Corpus, tokenizer: Any, context: int, seed: int) -> None:
        self.corpus = corpus
        self.tokenizer = tokenizer
        self.context = context
        self.seed = seed
        self.begin, self.end = boundaries(tokenizer)
        self._order: tuple[int, np.ndarray] = (-1, np.empty(0))

    @property
    @abstractmethod
    def rows(self) -> int:
        """Rows that the corpus is divided into."""

    @abstractmethod
    def make(self, rows: Sequence[int], epoch: int) -> Batch:
        """Return the batch of rows by their numbers, at the epoch-th pass over the corpus."""

    def batch(self, first: int, size: int) -> Batch:
        """Return the batch of `size` rows that begins `first` rows after the beginning of training."""
        epoch = first // self.rows
        numbers = []
        for place in range(first, first + size):
            if place // self.rows != self._order[0]:
                epoch_of = place // self.rows
                self._order = (epoch_of, np.random.default_rng([self.seed, epoch_of]).permutation(self.rows))
            numbers.append(int(self._order[1][place % self.rows]))
        return self.make(numbers, epoch)

    def in_order(self, size: int) -> Sequence[Batch]:
        """Return all rows, in the corpus's order: for validation."""
        starts = range(0, self.rows, size)
        return _Lazy(self, [range(start, min(start + size, self.rows)) for start in starts])

    def random(self, row: int, epoch: int) -> np.random.Generator:
        """Return the source of what is drawn for a row at an epoch."""
        return np.random.default_rng([self.seed, epoch, row])


@dataclass(frozen=True)
class _Lazy(Sequence[Batch]):
    """Batches that are made when they are asked for."""

    batches: Batches
    numbers: list[range]

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: Any) -> Any:
        return self.batches.make(self.numbers[index], VALIDATION)


class CausalBatches(Batches):
    """The corpus as one stream, cut into rows with no regard to where documents end."""

    @property
    def rows(self) -> int:
        """Rows that the corpus is divided into."""
        return max((len(self.corpus.tokens) - 1) // self.context, 1)

    def make(self, rows: Sequence[int], epoch: int) -> CausalBatch:
        """Return rows of context + 1 tokens: each row's first token is the last of the row before it."""
        width = min(self.context, len(self.corpus.tokens) - 1)
        pieces = [self.corpus.tokens[row * width : (row + 1) * width + 1] for row in rows]
        return CausalBatch(torch.from_numpy(np.stack(pieces).astype(np.int64)))


class MaskedBatches(Batches):
    """Rows of whole sentences between [CLS] and [SEP], with tokens to be guessed.

    Parameters
    ----------
    whole_words
        Select words, not tokens.
    dynamic
        Mask anew at each epoch, not in ten ways that take turns.
    share
        Share of tokens, or words, that must be guessed.
    """

    def __init__(
        self,
        corpus: Corpus,
        tokenizer: Any,
        context: int,
        seed: int,
        *,
        whole_words: bool = False,
        dynamic: bool = True,
        share: float = SELECTED,
    ) -> None:
        super().__init__(corpus, tokenizer, context, seed)
        self.whole_words = whole_words
        self.dynamic = dynamic
        self.share = share
        special = np.array(tokenizer.all_special_ids)
        self.special = np.zeros(len(tokenizer), dtype=bool)
        self.special[special] = True
        self.ordinary = np.flatnonzero(~self.special)
        self.spans = self._divide()

    def _divide(self) -> np.ndarray:
        return full_sentences(self.corpus, self.context - 2, across=True)

    @property
    def rows(self) -> int:
        """Rows that the corpus is divided into."""
        return len(self.spans)

    def make(self, rows: Sequence[int], epoch: int) -> MaskedBatch:
        """Return rows, masked."""
        epoch = epoch if self.dynamic else epoch % MASKINGS
        ids = [self._framed(*self.spans[row]) for row in rows]
        masks = [self._mask(row, self.random(number, epoch)) for row, number in zip(ids, rows, strict=True)]
        return masked_batch(ids, masks, self.tokenizer.pad_token_id)

    def _framed(self, first: int, last: int) -> np.ndarray:
        """Return a row's tokens between the one that begins a text and the one that ends it."""
        tokens = self.corpus.tokens[first:last]
        begun = len(tokens) and tokens[0] == self.begin
        return np.concatenate([[] if begun else [self.begin], tokens, [self.end]]).astype(np.int64)

    def _mask(self, ids: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        words = np.cumsum(self.corpus.begins_word[ids] | self.special[ids]) if self.whole_words else None
        maskable = ~self.special[ids]
        return mask_tokens(ids, maskable, self.tokenizer.mask_token_id, self.ordinary, random, words, self.share)


class PairBatches(MaskedBatches):
    """Pairs of segments for next-sentence prediction: [CLS] A [SEP] B [SEP].

    In half of the rows B is what follows A in its document; in the others it comes from another row, drawn at random.
    """

    def _divide(self) -> np.ndarray:
        return full_sentences(self.corpus, self.context - 3, across=False)

    def make(self, rows: Sequence[int], epoch: int) -> MaskedBatch:
        """Return pairs, masked."""
        epoch = epoch if self.dynamic else epoch % MASKINGS
        ids, masks, segments, follows = [], [], [], []
        for number in rows:
            random = self.random(number, epoch)
            first, second, true = self._pair(number, random)
            row = np.concatenate([first, second])
            ids.append(row)
            masks.append(self._mask(row, random))
            segments.append(np.repeat([0, 1], [len(first), len(second)]))
            follows.append(true)
        return masked_batch(ids, masks, self.tokenizer.pad_token_id, segments, follows)

    def _pair(self, number: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, bool]:
        begin, end = self.spans[number]
        cut = self._cut(begin, end, random)
        true = bool(random.random() < 0.5)
        second = self.corpus.tokens[cut:end]
        if not true:
            other = int(random.integers(self.rows - 1)) if self.rows > 1 else number
            other += other >= number  # any row but this one
            a, b = self.spans[other % self.rows]
            room = self.context - 3 - (cut - begin)
            start = self._cut(a, b, random)
            second = self.corpus.tokens[start : min(b, start + room)]
        second = second[second != self.begin]
        return self._framed(begin, cut), np.append(second, self.end).astype(np.int64), true

    def _cut(self, begin: int, end: int, random: np.random.Generator) -> int:
        """Return where a row's second segment begins: between two sentences, or in the middle of a single one."""
        first, last = np.searchsorted(self.corpus.sentences, [begin + 1, end])
        if first == last:
            return int(begin + max((end - begin) // 2, 1))
        return int(self.corpus.sentences[random.integers(first, last)])


class PermutedBatches(CausalBatches):
    """Rows of the stream, each with an order in which its tokens are predicted (XLNet)."""

    def make(self, rows: Sequence[int], epoch: int) -> Any:
        """Return rows with their orders."""
        ids = super().make(rows, epoch).ids[:, :-1]
        orders = [draw_order(ids.shape[1], self.random(row, epoch)) for row in rows]
        return PermutedBatch(ids, torch.from_numpy(np.stack(orders)))
