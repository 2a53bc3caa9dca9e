"""Causal (left-to-right) language models: GPT-2, Llama, and their kin."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from psylm.models.base import LanguageModel, Query, padded


class CausalModel(LanguageModel):
    """Predicts each token from those before it, beginning with the beginning-of-sequence token."""

    family = "causal"

    def sequence(self, text: tuple[int, ...]) -> tuple[int, ...]:
        """Return the text's tokens after the beginning-of-sequence token, where the model has one."""
        return text if self.tokenizer.bos is None else (self.tokenizer.bos, *text)

    def word_queries(self, text: tuple[int, ...], first: int, last: int) -> list[Query]:
        """Return one query: the word's tokens, and the distribution after them, which says if the word is over.

        A model without a beginning-of-sequence token cannot predict the first token of a text: no query.
        """
        ids = self.sequence(text)
        shift = len(ids) - len(text)
        if first + shift == 0:
            return []
        at = tuple(range(first + shift, last + shift + 1))
        return [Query(ids, at, (*text[first:last], -1))]

    def blank_query(self, text: tuple[int, ...], first: int, last: int) -> Query | None:
        """Return the query for the token after `text[:first]`."""
        ids = self.sequence(text[:first])
        return Query(ids, (len(ids),), (-1,)) if ids and first < last else None

    def prefix(self, ids: tuple[int, ...]) -> Prefix:
        """Read a prefix once, to ask for the distributions after many continuations of it."""
        return Prefix(self, ids)

    def _merge(self, queries: Sequence[Query]) -> list[tuple[tuple[int, ...], list[int]]]:
        # A sequence only matters up to the last position asked: what follows cannot change a causal score.
        needed = sorted((query.ids[: query.at[-1]], index) for index, query in enumerate(queries))
        merged: list[tuple[tuple[int, ...], list[int]]] = []
        for ids, index in reversed(needed):
            if merged and merged[-1][0][: len(ids)] == ids:
                merged[-1][1].append(index)
            else:
                merged.append((ids, [index]))
        return sorted(merged, key=lambda sequence: len(sequence[0]), reverse=True)

    def _hidden(self, sequences: Sequence[tuple[int, ...]]) -> Tensor:
        # Padding stands on the right, where a causal model cannot see it: no mask is needed.
        ids, _ = padded(sequences, 0, self.network.device)
        hidden: Tensor = self.head.body(input_ids=ids, use_cache=False).last_hidden_state
        return torch.nn.functional.pad(hidden, (0, 0, 1, 0))  # position p is predicted from p - 1


class Prefix:
    """A prefix that a causal model has read, with its keys and values kept.

    Parameters
    ----------
    model
        The model.
    ids
        The prefix's tokens, special tokens included; at least one.
    """

    @torch.inference_mode()
    def __init__(self, model: CausalModel, ids: tuple[int, ...]) -> None:
        self.model = model
        output = model.head.body(
            input_ids=torch.tensor([ids], device=model.network.device), use_cache=True
        )
        self._cache: Any = output.past_key_values
        self._last: Tensor = output.last_hidden_state[:, -1]

    @torch.inference_mode()
    def after(self, continuations: Sequence[tuple[int, ...]]) -> Tensor:
        """Return the log-probabilities [continuations, vocabulary] of the token after each continuation.

        Parameters
        ----------
        continuations
            Token sequences of one length; the empty one asks for the token after the prefix itself.
        """
        if not continuations[0]:
            return self._log_probabilities(self._last)
        # The model appends to the cache that it is given, so each call works on a copy.
        cache = copy.deepcopy(self._cache)
        cache.batch_repeat_interleave(len(continuations))
        ids = torch.tensor(continuations, device=self.model.network.device)
        output = self.model.head.body(input_ids=ids, past_key_values=cache, use_cache=True)
        return self._log_probabilities(output.last_hidden_state[:, -1])

    def _log_probabilities(self, hidden: Tensor) -> Tensor:
        return self.model.head(hidden).float().log_softmax(-1)
