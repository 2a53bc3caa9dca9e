"""Masked language models: BERT, RoBERTa, and their kin."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from torch import Tensor

from psylm.models.attention_input import At, Laid, Reading, among
from psylm.models.base import LanguageModel, Span
from psylm.models.families import Hiding
from psylm.models.last_layer import LastLayer
from psylm.models.padding import trial_size
from psylm.models.query import Answer, Query, Row, padded


class MaskedModel(LanguageModel):
    """Predicts a masked token from everything around it."""

    family = "masked"

    def word_queries(
        self, text: tuple[int, ...], words: Sequence[Span], hiding: Hiding = "within_word", *, after: bool = True
    ) -> tuple[list[Query], list[int]]:
        """Return a query a token, with the mask in place of what is hidden.

        By default that is the token and its word's later ones, so that the log-probabilities add up to the word's
        by the chain rule (Kauf & Ivanova 2023); `original` is the masking of Salazar et al. (2020).
        """
        shift = len(self.tokenizer.around[0])
        queries = []
        for first, last in words:
            for token in range(first, last):
                a, b = hidden_span(token, first, last, hiding)
                ids = self.sequence((*text[:a], *(self._mask for _ in range(a, b)), *text[b:]))
                queries.append(Query(ids, (token + shift,), (text[token],)))
        return queries, [last - first for first, last in words]

    def blank_query(self, text: tuple[int, ...], first: int, last: int) -> Query | None:
        """Return the query for a single mask in place of the word, whatever the number of the word's tokens."""
        if first == last:
            return None
        ids = self.sequence((*text[:first], self._mask, *text[last:]))
        return Query(ids, (first + len(self.tokenizer.around[0]),), (-1,))

    def lay(self, text: tuple[int, ...], words: np.ndarray, span: Span, at: At) -> Laid | str:
        """Put a mask for each of the word's tokens, and look from the first of them; or look from the word itself."""
        if at == "word":
            return lay_word(self, text, words, span)
        first, last = span
        masked = (*text[:first], *(self._mask for _ in range(first, last)), *text[last:])
        return lay_word(self, masked, words, (first, first + 1))

    def states_before_output(self, query: Query, copies: int) -> Tensor:
        """Return the states at the items' places."""
        hidden: Tensor = self.head.body(input_ids=self._input(*[query.ids] * copies)).last_hidden_state
        return hidden[:, list(query.at)]

    def own_logits(self, query: Query) -> Tensor:
        """Return the logits at the items' places."""
        logits: Tensor = self.network(input_ids=self._input(query.ids)).logits[0].cpu()
        return logits[list(query.at)]

    @property
    def _mask(self) -> int:
        assert self.tokenizer.mask is not None, "load_model refuses a masked model without a mask token"
        return self.tokenizer.mask

    def _rows(self, queries: Sequence[Query]) -> list[Row]:
        rows: dict[tuple[int, ...], tuple[list[int], list[tuple[int, tuple[int, ...]]]]] = {}
        for index, query in enumerate(queries):
            targets, answers = rows.setdefault(query.ids, ([], []))
            targets += sorted(set(query.at) - set(targets))
            answers.append((index, tuple(targets.index(at) for at in query.at)))
        return [
            Row(ids, [Answer(*answer) for answer in answers], targets=tuple(targets))
            for ids, (targets, answers) in rows.items()
        ]

    def _hidden(self, rows: Sequence[Row]) -> Tensor:
        ids, attended = padded([row.ids for row in rows], self.tokenizer.filler, self.network.device)
        targets, _ = padded([row.targets for row in rows], 0, self.network.device)
        last = self._last_layer(ids.shape[1])
        if last is not None:
            return last(ids, attended.long(), targets)
        hidden: Tensor = self.head.body(input_ids=ids, attention_mask=attended.long()).last_hidden_state
        return hidden.take_along_dim(targets[..., None], 1)

    @cached_property
    def _last_layers(self) -> dict[int, LastLayer | None]:
        return {}

    def _last_layer(self, length: int) -> LastLayer | None:
        """Return what runs the last layer at chosen places, where it computes the same at such a length; tried once."""
        size = trial_size(length, self.info.window)
        if size not in self._last_layers:
            self._last_layers[size] = LastLayer.of(self.head.body, size)
        return self._last_layers[size]


def lay_word(model: LanguageModel, text: tuple[int, ...], words: np.ndarray, span: Span) -> Laid:
    """Look from a word within its text, read whole."""
    before, after = map(len, model.tokenizer.around)
    ids = model.sequence(text)
    return Reading(ids, tuple(row + before for row in range(*span))), among(words, before, after), len(ids)


def hidden_span(token: int, first: int, last: int, hiding: Hiding) -> Span:
    """Return which tokens of a word are hidden while one of them is predicted.

    Examples
    --------
    >>> [hidden_span(1, 0, 3, how) for how in ("within_word", "original", "whole_word")]
    [(1, 3), (1, 2), (0, 3)]
    """
    if hiding == "original":
        return token, token + 1
    return (token, last) if hiding == "within_word" else (first, last)
