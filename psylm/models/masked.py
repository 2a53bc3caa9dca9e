"""Masked language models: BERT, RoBERTa, and their kin."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from psylm.models.base import LanguageModel, Query, Row, padded


class MaskedModel(LanguageModel):
    """Predicts a masked token from everything around it."""

    family = "masked"

    def sequence(self, text: tuple[int, ...]) -> tuple[int, ...]:
        """Return the text's tokens between the model's special tokens, `[CLS]` and `[SEP]` in BERT."""
        before, after = self.tokenizer.around
        return (*before, *text, *after)

    def word_queries(self, text: tuple[int, ...], first: int, last: int) -> list[Query]:
        """Return a query a token: it and the word's later tokens are masked, its earlier ones are seen.

        The log-probabilities add up to the word's, by the chain rule (within-word left-to-right, Kauf & Ivanova
        2023).
        """
        shift = len(self.tokenizer.around[0])
        return [
            Query(
                ids=self.sequence((*text[:token], *(self._mask for _ in range(token, last)), *text[last:])),
                at=(token + shift,),
                tokens=(text[token],),
            )
            for token in range(first, last)
        ]

    def blank_query(self, text: tuple[int, ...], first: int, last: int) -> Query | None:
        """Return the query for a single mask in place of the word, whatever the number of the word's tokens."""
        if first == last:
            return None
        ids = self.sequence((*text[:first], self._mask, *text[last:]))
        return Query(ids, (first + len(self.tokenizer.around[0]),), (-1,))

    @property
    def _mask(self) -> int:
        assert self.tokenizer.mask is not None, "load_model refuses a masked model without a mask token"
        return self.tokenizer.mask

    def _rows(self, queries: Sequence[Query]) -> list[Row]:
        answers: dict[tuple[int, ...], list[tuple[int, tuple[int, ...]]]] = {}
        for index, query in enumerate(queries):
            answers.setdefault(query.ids, []).append((index, query.at))
        return [Row(ids, mine) for ids, mine in answers.items()]

    def _hidden(self, rows: Sequence[Row]) -> Tensor:
        filler = self.tokenizer.fast.pad_token_id or 0
        ids, attended = padded([row.ids for row in rows], filler, self.network.device)
        hidden: Tensor = self.head.body(input_ids=ids, attention_mask=attended.long()).last_hidden_state
        return hidden
