"""Permutation language models: XLNet, which predicts any token from any set of the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from psylm.models.attention_input import NO_BEGINNING, At, Laid, Reading, among
from psylm.models.base import LanguageModel, Span
from psylm.models.families import Hiding
from psylm.models.masked import hidden_span
from psylm.models.query import Answer, Query, Row, padded


class PermutedModel(LanguageModel):
    """Predicts a token from those that it is allowed to see; by default those before it.

    What is to be predicted is hidden by the attention mask, not replaced by a mask token, and a second stream, which
    knows the place but not the token, predicts it (Yang et al. 2019).
    """

    family = "permuted"
    hiding = "later"

    def word_queries(
        self, text: tuple[int, ...], words: Sequence[Span], hiding: Hiding = "later", *, after: bool = True
    ) -> tuple[list[Query], list[int]]:
        """Return one query for all tokens in their natural order, or a query a token where both sides are seen.

        In the natural order the text stands after its start (`psylm.models.start`); without one, nothing comes before
        the first token, and its word cannot be predicted.
        """
        if hiding != "later":
            return self._both_sides(text, words, hiding)
        begun = self.tokenizer.start
        known = [(first, last) for first, last in words if first + len(begun) > 0]
        at = tuple(token + len(begun) for first, last in known for token in range(first, last))
        tokens = tuple(token for first, last in known for token in text[first:last])
        counts = [last - first if first + len(begun) > 0 else 0 for first, last in words]
        return ([Query((*begun, *text[: words[-1][1]]), at, tokens)] if at else []), counts

    def _both_sides(
        self, text: tuple[int, ...], words: Sequence[Span], hiding: Hiding
    ) -> tuple[list[Query], list[int]]:
        shift = len(self.tokenizer.around[0])
        queries = []
        for first, last in words:
            for token in range(first, last):
                a, b = hidden_span(token, first, last, hiding)
                unseen = tuple(range(a + shift, b + shift))
                queries.append(Query(self.sequence(text), (token + shift,), (text[token],), unseen=unseen))
        return queries, [last - first for first, last in words]

    def blank_query(self, text: tuple[int, ...], first: int, last: int) -> Query | None:
        """Return the query for the first token of a blank, both sides of which are seen, but not its own tokens."""
        if first == last:
            return None
        shift = len(self.tokenizer.around[0])
        return Query(self.sequence(text), (first + shift,), (-1,), unseen=tuple(range(first + shift, last + shift)))

    def lay(self, text: tuple[int, ...], words: np.ndarray, span: Span, at: At) -> Laid | str:
        """Read in natural order; look from the stream that knows the place but not the word, to predict it."""
        ids = (*self.tokenizer.start, *text)
        shift = len(ids) - len(text)
        rows, places = range(span[0] + shift, span[1] + shift), among(words, shift, 0)
        if at == "word":
            return Reading(ids, tuple(rows)), places, rows.stop
        if rows.start == 0:
            return NO_BEGINNING
        return Reading(ids, (rows.start,), "query"), places, rows.start

    def read_attended(self, readings: Sequence[Reading], **asked: Any) -> Any:
        """Run both streams."""
        return self._hidden([Row(reading.ids, [], targets=reading.rows[:1]) for reading in readings])

    def states_before_output(self, query: Query, copies: int) -> Tensor:
        """Return what the query stream has at the items' places."""
        return self._hidden([Row(query.ids, [], unseen=query.unseen, targets=query.at)] * copies)

    def own_logits(self, query: Query) -> Tensor:
        """Hide what must not be seen; in the natural order, what comes later is not there at all."""
        found = []
        device, dtype = self.network.device, self.network.dtype
        for place in query.at:
            ids = query.ids if query.unseen else query.ids[: place + 1]
            hidden = torch.zeros(1, len(ids), len(ids)) if query.unseen else torch.ones(1, len(ids), len(ids)).triu()
            hidden[:, :, list(query.unseen)] = 1
            target = torch.zeros(1, 1, len(ids))
            target[0, 0, place] = 1
            logits = self.network(
                input_ids=self._input(ids), perm_mask=hidden.to(device, dtype), target_mapping=target.to(device, dtype)
            ).logits
            found.append(logits[0, 0].cpu())
        return torch.stack(found)

    def _rows(self, queries: Sequence[Query]) -> list[Row]:
        rows: dict[tuple[tuple[int, ...], ...], Row] = {}
        for index, query in enumerate(queries):
            mine = Row(query.ids, [], unseen=query.unseen, targets=query.at)
            rows.setdefault((query.ids, query.unseen, query.at), mine).answers.append(
                Answer(index, tuple(range(len(query.at))))
            )
        return list(rows.values())

    def _trial_row(self, ids: tuple[int, ...]) -> Row:
        return Row(ids, [], targets=tuple(range(1, len(ids))))  # before the first there is nothing to predict it from

    def _hidden(self, rows: Sequence[Row]) -> Tensor:
        device, dtype = self.network.device, self.network.dtype
        ids, there = padded([row.ids for row in rows], 0, device)
        length, places = ids.shape[1], max(len(row.targets) for row in rows)
        # unseen[row, i, j]: i must not attend to j. Without hidden tokens the order is the natural one.
        later = torch.ones(length, length, dtype=torch.bool, device=device).triu()
        unseen = (~there)[:, None, :].repeat(1, length, 1)
        mapping = torch.zeros(len(rows), places, length, dtype=dtype, device=device)
        for number, row in enumerate(rows):
            if row.unseen:
                unseen[number, :, list(row.unseen)] = True
            else:
                unseen[number] |= later
            mapping[number, range(len(row.targets)), list(row.targets)] = 1
        hidden: Tensor = self.head.body(
            input_ids=ids, perm_mask=unseen.to(dtype), target_mapping=mapping, use_mems=False
        ).last_hidden_state
        return hidden
