"""A lesion while it is put in place: what its changes look at, and what they change."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import Tensor

from psylm.lesions.choose import all_heads, head_amount, named_heads
from psylm.lesions.effects import Effect
from psylm.lesions.hooks import attributes, note_reading
from psylm.lesions.importance import kept_importance
from psylm.lesions.reference import reference_texts
from psylm.lesions.sites import Site, encoder_and_decoder
from psylm.lesions.text_read import TextRead
from psylm.models.base import LanguageModel
from psylm.models.causal import CausalModel
from psylm.models.changes import Change, Lesion
from psylm.models.lesion_kinds import Heads
from psylm.models.masked import MaskedModel
from psylm.models.padding import PaddingTrials
from psylm.models.query import Row


@dataclass
class Operation:
    """What the records of kinds (`LesionKind.choose`, `LesionKind.enter`) work on.

    Parameters
    ----------
    model
        The model, intact while heads are chosen.
    lesion
        All that is changed in it.
    where
        The model's name, for messages.
    stack
        Undoes what is entered.
    sites
        The network's attentions, in the order in which they are computed.
    effects
        What is done at each, by its name.
    cache
        Whether what takes long to find out of a model is looked up in, and kept in, the user's cache.
    """

    model: LanguageModel
    lesion: Lesion
    where: str
    stack: ExitStack
    sites: Sequence[Site]
    effects: dict[str, Effect]
    cache: bool = True

    @cached_property
    def texts(self) -> list[str]:
        """The texts that averages and importance are of."""
        return reference_texts(self.lesion, self.where)

    @cached_property
    def importance(self) -> list[list[float]]:
        """How much each head matters, a list a site."""
        return kept_importance(self.model, self.sites, self.texts, cache=self.cache)

    def named_heads(self, change: Change) -> Heads:
        """Return the heads that a change names; raise where there is none of that name."""
        return named_heads(change, self.sites, self.where)

    def amount(self, change: Change) -> int:
        """Return how many heads a change takes."""
        return head_amount(change, len(all_heads(self.sites)), self.where)

    def silence(self, heads: Heads) -> None:
        """Let heads give zeros, or what they give instead."""
        for number, head in heads:
            self.effects[self.sites[number].name].close(head, self.sites[number].heads)


def readings(stack: ExitStack, model: LanguageModel) -> dict[str, TextRead]:
    """Take note of what encoder (`e`) and decoder or single network (`d`) read, each time that they do."""
    network, tokens = model.network, model.tokenizer
    special = {
        *tokens.around[0],
        *tokens.around[1],
        *filter(tokens.is_special, tokens.start),
        getattr(network.config, "decoder_start_token_id", None),
    }
    known = [token for token in special if token is not None]
    encoder, decoder = encoder_and_decoder(model)
    both = encoder is not None and decoder is not None
    found = {"e": TextRead(known, forward=False), "d": TextRead(known, forward=model.left_to_right or both)}
    if encoder is not None:
        note_reading(stack, encoder, found["e" if both else "d"])
    if decoder is not None:
        note_reading(stack, decoder, found["d"])
    if both:
        own = model._hidden

        def hidden(rows: Sequence[Row]) -> Tensor:
            found["d"].sources = [row.source for row in rows]
            return own(rows)

        stack.enter_context(attributes(model, {"_hidden": hidden}))
    return found


def shortcuts(model: LanguageModel, lesion: Lesion) -> dict[str, Any]:
    """Return the shortcuts that a lesion rules out: they would not see it, or put other neighbours in a row."""
    # What was seen of the model as it was holds no longer.
    switched: dict[str, Any] = {
        "_padding": PaddingTrials(lambda rows: model._hidden(rows), model._trial_row, model.info.window)
    }
    if isinstance(model, MaskedModel):
        switched["_last_layer"] = lambda _length: None
    if isinstance(model, CausalModel):
        switched["_tried"] = {}
        if any(change.about.by_neighbours for change in lesion.changes):
            switched["_branches"] = False
    return switched
