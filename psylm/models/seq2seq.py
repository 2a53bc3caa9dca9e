"""Encoder-decoder models: T5, BART, and their kin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from psylm.common.errors import PsylmError
from psylm.models.attention_input import At, Laid, Reading, among
from psylm.models.base import LanguageModel, Span
from psylm.models.families import Hiding
from psylm.models.masked import lay_word
from psylm.models.query import Answer, Query, Row, padded

SENTINEL = "<extra_id_0>"
"""What stands for a missing span in T5."""


class Seq2SeqModel(LanguageModel):
    """Fills a blank in a text that its encoder reads, or goes on from such a text; the decoder predicts in order.

    A model with T5's sentinel tokens writes what is missing after the sentinel; one with a mask token, like BART,
    writes the whole text again, so that a word is predicted from the masked text and from all before the word.
    """

    family = "seq2seq"

    def __init__(self, network: Any, *rest: Any) -> None:
        super().__init__(network, *rest)
        self._start = self._first_of_decoder(network)
        sentinel = self.tokenizer.identity(SENTINEL)
        self._gap = self.tokenizer.mask if sentinel is None else sentinel
        self._rewrites = sentinel is None
        if self._gap is None:
            raise PsylmError(
                f"model {self.info.name!r}: found neither {SENTINEL} nor a mask token; expected one, "
                "since words are scored by filling a gap"
            )

    def word_queries(
        self, text: tuple[int, ...], words: Sequence[Span], hiding: Hiding = "within_word", *, after: bool = True
    ) -> tuple[list[Query], list[int]]:
        """Return a query a word: the encoder reads the text with a gap in its place, the decoder fills the gap."""
        queries = []
        for first, last in words:
            begun = self._begun(text, first)
            at = tuple(range(len(begun), len(begun) + last - first))
            word = text[first:last]
            queries.append(Query((*begun, *word), at, word, source=self._gapped(text, first, last)))
        return [query for query in queries if query.at], [last - first for first, last in words]

    def blank_query(self, text: tuple[int, ...], first: int, last: int) -> Query | None:
        """Return the query for the first token that fills the gap."""
        begun = self._begun(text, first)
        return Query(begun, (len(begun),), (-1,), self._gapped(text, first, last)) if first < last else None

    def continuation_query(self, before: tuple[int, ...], after: tuple[int, ...]) -> Query:
        """Return the query for tokens that the decoder writes where the encoder has read others."""
        begun = (self._start, *self.tokenizer.around[0])
        at = tuple(range(len(begun), len(begun) + len(after)))
        for read, what in ((before, "what the encoder reads"), ((*begun, *after), "what the decoder writes")):
            self.check_length(read, f"{what}, {self.tokenizer.text(read)[:40]!r}…")
        return Query((*begun, *after), at, after, source=before)

    def lay(self, text: tuple[int, ...], words: np.ndarray, span: Span, at: At) -> Laid | str:
        """Look from the word within the encoder, or from the decoder that is about to fill a gap in its place."""
        if at == "word":
            reading, places, reach = lay_word(self, text, words, span)
            return replace(reading, stream="encoder"), places, reach
        first, last = span
        asked = self.blank_query(text, first, last)
        assert asked is not None, "the word has a token"
        places = among(np.concatenate([words[: first + 1], words[last:]]), *map(len, self.tokenizer.around))
        return Reading(asked.ids, (len(asked.ids) - 1,), "cross", asked.source), places, len(places)

    def read_attended(self, readings: Sequence[Reading], **asked: Any) -> Any:
        """Run the encoder, for its own attention, or both."""
        if readings[0].stream == "cross":
            return self._hidden([Row(reading.ids, [], source=reading.source) for reading in readings])
        ids, there = padded([reading.ids for reading in readings], self.tokenizer.filler, self.network.device)
        return self.network.get_encoder()(input_ids=ids, attention_mask=there.long(), **asked)

    def states_before_output(self, query: Query, copies: int) -> Tensor:
        """Return the decoder's states at the places before those of the items."""
        # Unlike `_hidden`, the encoder reads each copy: attribution gives each its own embeddings.
        source, ids = self._input(*[query.source] * copies), self._input(*[query.ids] * copies)
        there = torch.ones_like(source)
        read = self.network.get_encoder()(input_ids=source, attention_mask=there).last_hidden_state
        hidden: Tensor = self.head.body(
            input_ids=ids, encoder_hidden_states=read, encoder_attention_mask=there, use_cache=False
        ).last_hidden_state
        return hidden[:, [at - 1 for at in query.at]]

    def own_logits(self, query: Query) -> Tensor:
        """Return the decoder's logits at the places before those of the items."""
        read, source = self._input(query.ids[: query.at[-1]]), self._input(query.source)
        logits: Tensor = self.network(input_ids=source, decoder_input_ids=read).logits[0].cpu()
        return logits[torch.tensor(query.at) - 1]

    def _first_of_decoder(self, network: Any) -> int:
        """Return the token that the decoder begins with; it is named in one of two configurations."""
        for config in (network.config, network.generation_config):
            start = getattr(config, "decoder_start_token_id", None)
            if isinstance(start, int):
                return start
        raise PsylmError(
            f"model {self.info.name!r}: found no decoder_start_token_id in config.json or generation_config.json; "
            "expected one, since the decoder's first prediction follows it"
        )

    def _begun(self, text: tuple[int, ...], first: int) -> tuple[int, ...]:
        """Return what the decoder has written before it comes to the word."""
        assert self._gap is not None
        return (self._start, *self.tokenizer.around[0], *text[:first]) if self._rewrites else (self._start, self._gap)

    def _gapped(self, text: tuple[int, ...], first: int, last: int) -> tuple[int, ...]:
        assert self._gap is not None
        return self.sequence((*text[:first], self._gap, *text[last:]))

    def _rows(self, queries: Sequence[Query]) -> list[Row]:
        rows: dict[tuple[tuple[int, ...], tuple[int, ...]], Row] = {}
        for index, query in enumerate(queries):
            # What the decoder reads matters only up to the last position asked.
            read = query.ids[: query.at[-1]]
            row = rows.setdefault((query.source, read), Row(read, [], source=query.source))
            row.answers.append(Answer(index, tuple(at - 1 for at in query.at)))
        return list(rows.values())

    def _trial_row(self, ids: tuple[int, ...]) -> Row:
        return Row((self._start, *ids[: len(ids) // 2]), [], source=ids)

    def _hidden(self, rows: Sequence[Row]) -> Tensor:
        device = self.network.device
        number = {source: index for index, source in enumerate(dict.fromkeys(row.source for row in rows))}
        sources, there = padded(list(number), self.tokenizer.filler, device)
        read = self.network.get_encoder()(input_ids=sources, attention_mask=there.long()).last_hidden_state
        mine = [number[row.source] for row in rows]
        ids, _ = padded([row.ids for row in rows], self.tokenizer.filler, device)
        hidden: Tensor = self.head.body(
            input_ids=ids, encoder_hidden_states=read[mine], encoder_attention_mask=there[mine].long(), use_cache=False
        ).last_hidden_state
        return hidden
