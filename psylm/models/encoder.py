"""Encoders without an output layer: sentence-transformers' models, BERT's body and their kin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np
from torch import Tensor

from psylm.common.errors import PsylmError
from psylm.models.attention_input import At, Laid, Reading
from psylm.models.base import LanguageModel, Span
from psylm.models.families import Hiding
from psylm.models.hidden_states import states_of
from psylm.models.masked import lay_word
from psylm.models.query import Query, Row, padded
from psylm.models.sentence_transformer import Recipe


@dataclass
class NoHead:
    """Stands where other models have an output layer."""

    size: int = field(default=0, init=False)


class EncoderModel(LanguageModel):
    """Turns texts into vectors; it predicts nothing, so that only measures of embeddings can be asked of it.

    Parameters
    ----------
    network, tokenizer, info, allowance
        As in `LanguageModel`.

    Attributes
    ----------
    recipe
        How its folder says that texts become vectors: the mean of all tokens where it says nothing.
    """

    family = "encoder"
    recipe = Recipe()

    def _make_head(self, network: Any) -> Any:
        return NoHead()

    def word_queries(
        self, text: tuple[int, ...], words: Sequence[Span], hiding: Hiding = "within_word", *, after: bool = True
    ) -> tuple[list[Query], list[int]]:
        """Raise: there is no output layer."""
        self._refuse()

    def blank_query(self, text: tuple[int, ...], first: int, last: int) -> Query | None:
        """Raise: there is no output layer."""
        self._refuse()

    def lay(self, text: tuple[int, ...], words: np.ndarray, span: Span, at: At) -> Laid | str:
        """Look from the word; an encoder has no place that predicts it."""
        if at == "prediction":
            raise PsylmError(f"model {self.info.name!r}: an encoder predicts no word; expected the option at: word")
        return lay_word(self, text, words, span)

    def read_attended(self, readings: Sequence[Reading], **asked: Any) -> Any:
        """Run the network."""
        ids, there = padded([reading.ids for reading in readings], self.tokenizer.filler, self.network.device)
        return self.network(input_ids=ids, attention_mask=there.long(), **asked)

    def _rows(self, queries: Sequence[Query]) -> list[Row]:
        self._refuse()

    def _hidden(self, rows: Sequence[Row]) -> Tensor:
        ids, there = padded([row.ids for row in rows], self.tokenizer.filler, self.network.device)
        return states_of(self, ids, there, every=False)[0]

    def _refuse(self) -> NoReturn:
        raise PsylmError(
            f"model {self.info.name!r}: found an encoder, which has no output layer and predicts no word; "
            "expected a language model, or a measure of embeddings (similarity, embedding)"
        )
