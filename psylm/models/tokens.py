"""A model's tokenizer as psylm needs it: token identities, their places in the text, and where words begin."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from psylm.common.errors import PsylmError
from psylm.common.language import Span
from psylm.models.pieces import INSIDE, Continuing, Part, joined
from psylm.models.surfaces import MARK, ends_word_before, is_byte_level, mentions, surfaces

TEXT = re.compile(r"\S")


@dataclass(frozen=True)
class Encoding:
    """Tokens of a text.

    Parameters
    ----------
    ids
        Token identities, no special token among them.
    starts
        For each token, the character that it belongs to: the first in it that is not white space; of a token of white
        space the next such character of the text, or, at the text's end, the last one.
    ends
        For each token, the offset after its last character.
    words
        For each token, the number of the word it lies in, by the tokenizer's own splitting (punctuation apart).
    lost
        Offsets of letters and digits of which the tokenizer makes no token.
    """

    ids: tuple[int, ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    words: tuple[int, ...]
    lost: tuple[int, ...] = ()

    def within(self, span: Span, given: int = 0) -> tuple[int, int]:
        """Return the range of tokens that belong to a span of characters, the white space before it included.

        Parameters
        ----------
        span
            The characters.
        given
            Characters at the text's beginning whose tokens belong to no span.

        Examples
        --------
        >>> Encoding(ids=(5, 6, 7), starts=(0, 4, 8), ends=(3, 7, 11), words=(0, 1, 2)).within((4, 11))
        (1, 3)
        """
        first = max(bisect_left(self.starts, span[0]), self.after(given))
        return first, max(first, bisect_left(self.starts, span[1]))

    def after(self, given: int) -> int:
        """Return the number of tokens that end within some characters at the text's beginning."""
        return bisect_right(self.ends, given) if given else 0


class Tokenizer:
    """Wraps a fast tokenizer of `transformers`.

    Parameters
    ----------
    fast
        The tokenizer; it must be a fast one, since words are found by character offsets.
    name
        The model's name, for messages.

    Attributes
    ----------
    bos
        The beginning-of-sequence token that the tokenizer names, or None; texts begin with `start`.
    start
        What is read before a plain text by a model that reads from left to right: chosen by `psylm.models.start`, and
        set by whoever loads the model; nothing until then.
    mask
        The mask token of a masked model, or None.
    filler
        What stands in padding, where nothing looks.
    """

    def __init__(self, fast: Any, name: str) -> None:
        if not getattr(fast, "is_fast", False):
            raise PsylmError(f"{name}: its tokenizer gives no character offsets; psylm needs a fast tokenizer")
        self.fast = fast
        self.name = name
        self.bos: int | None = fast.bos_token_id
        self.start: tuple[int, ...] = ()
        self.mask: int | None = fast.mask_token_id
        self.filler: int = fast.pad_token_id or 0
        self._vocabulary: dict[str, int] = fast.get_vocab()

    def __len__(self) -> int:
        return len(self.fast)

    def is_special(self, token: int) -> bool:
        """Whether a token is no part of any text."""
        added = self.fast.added_tokens_decoder.get(token)
        return token in self.fast.all_special_ids or (added is not None and added.special)

    def identity(self, token: str) -> int | None:
        """Return the identity of a token by the name that the vocabulary has for it, or None."""
        return self._vocabulary.get(token)

    def encode(self, text: str, cuts: tuple[int, ...] = ()) -> Encoding:
        """Tokenize a text, with a token boundary forced at each cut that a token would straddle.

        Parameters
        ----------
        text
            The text; special tokens that are written out in it are read as plain text.
        cuts
            Character offsets, ascending, that no token may straddle: a scored word's start and end. White
            space before a cut goes with the piece after it, as word-initial tokens expect.

        Returns
        -------
        Encoding
            Tokens with their offsets into `text`.
        """
        edges = {0, len(text)}
        parts = [(self._part(text), 0)]
        while added := _straddled(text, joined(parts)[1], cuts) - edges:
            edges |= added
            parts = [
                (self._continuing.encode(text[start:end]) if start else self._part(text[start:end]), start)
                for start, end in pairwise(sorted(edges))
            ]
        return _encoding(text, joined(parts))

    def identities(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        """Return the tokens of texts, as `encode` does without cuts; all at once, which is faster."""
        encoded = self.fast(
            list(texts),
            add_special_tokens=False,
            split_special_tokens=True,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )
        return [tuple(ids) for ids in encoded["input_ids"]]

    def _part(self, text: str) -> Part:
        encoded = self.fast(
            text,
            add_special_tokens=False,
            return_offsets_mapping=True,
            split_special_tokens=True,
            verbose=False,
        )
        return encoded["input_ids"], encoded["offset_mapping"], [word or 0 for word in encoded.word_ids()]

    @cached_property
    def _continuing(self) -> Continuing:
        return Continuing(self.fast, inside=self.word_marking == INSIDE)

    @cached_property
    def around(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The special tokens that the tokenizer puts before and after a text."""
        inner = self.fast("a", add_special_tokens=False)["input_ids"]
        outer = self.fast("a", add_special_tokens=True)["input_ids"]
        before = next(i for i in range(len(outer)) if outer[i : i + len(inner)] == inner)
        return tuple(outer[:before]), tuple(outer[before + len(inner) :])

    @cached_property
    def word_marking(self) -> str:
        """How the vocabulary marks words: `space` before a word, `##` inside a word, or `none`."""
        tokens = list(self._vocabulary)
        if sum(token.startswith(INSIDE) for token in tokens) > len(tokens) / 100:
            return INSIDE
        backend = self.fast.backend_tokenizer
        writes_mark = any(mentions(one, MARK) for one in (backend.normalizer, backend.pre_tokenizer))
        known = (MARK in self._vocabulary and writes_mark) or ("Ġ" in self._vocabulary and is_byte_level(self.fast))
        marked = sum(token[:1] in ("Ġ", MARK) for token in tokens) > len(tokens) / 100
        return "space" if known or marked else "none"

    @cached_property
    def unknown(self) -> frozenset[int]:
        """The tokens that stand for whatever the vocabulary lacks."""
        name = getattr(self.fast.backend_tokenizer.model, "unk_token", None)
        found = {self.fast.unk_token_id, None if name is None else self.identity(name)}
        return frozenset(found - {None})

    def begins_unit(self, size: int) -> Tensor:
        """Mark the tokens after which the word before them is known to be over.

        They are the tokens that begin with white space, or with punctuation other than an apostrophe or hyphen,
        and the special tokens, end of sequence among them: the set B of the correction of Pimentel & Meister
        (2024). A token that is, or begins with, a part of a character is among them where every character that it can
        be a part of is such a mark (`psylm.models.surfaces.ends_word_before`); a byte that goes on with a character is
        not.

        Parameters
        ----------
        size
            Width of the model's output, which may be larger than the vocabulary.

        Returns
        -------
        Tensor [size]
            True for the tokens that begin a new unit.
        """
        count = min(size, len(self))
        if self.word_marking == INSIDE:
            pieces = self.fast.convert_ids_to_tokens(list(range(count)))
            over = [not (piece or "").startswith(INSIDE) for piece in pieces]
        else:
            over = [ends_word_before(surface) for surface in surfaces(self.fast, count)]
        begins = torch.zeros(size, dtype=torch.bool)
        begins[:count] = torch.tensor(over, dtype=torch.bool)
        begins[[special for special in self.fast.all_special_ids if special < count]] = True
        return begins

    def begins_word(self, token: int, *, spaced: bool) -> bool:
        """Whether a token can stand at the beginning of a word (not of punctuation).

        Parameters
        ----------
        token
            Its identity.
        spaced
            Whether the text is in a language that separates words by spaces.
        """
        if token in self.fast.all_special_ids:
            return False
        piece = self.fast.convert_ids_to_tokens(token) or ""
        if spaced and self.word_marking == "space" and piece[:1] not in ("Ġ", "▁"):
            return False
        if self.word_marking == "##" and piece.startswith("##"):
            return False
        return self.text((token,)).strip()[:1].isalnum()

    def unknown_words(self, text: str) -> list[str]:
        """List the words of a text in which the vocabulary lacks a part, so that it reads them as "unknown".

        Examples
        --------
        A byte-level vocabulary knows every word; a WordPiece vocabulary without emoji would give ``["🙂"]``.
        """
        encoded = ((word, self.encode(word)) for word in text.split())
        return [word for word, one in encoded if one.lost or not self.unknown.isdisjoint(one.ids)]

    def text(self, ids: tuple[int, ...]) -> str:
        """Write tokens as text."""
        decoded: str = self.fast.decode(list(ids), clean_up_tokenization_spaces=False)
        return decoded


def _straddled(text: str, spans: Sequence[Span], cuts: Sequence[int]) -> set[int]:
    """Return where to cut a text so that no token lies on both sides; white space goes with what follows it."""
    return {
        len(text[:cut].rstrip())
        for cut in cuts
        if any(start < cut < end and not text[start:cut].isspace() for start, end in spans)
    }


def _encoding(text: str, part: Part) -> Encoding:
    ids, spans, words = part
    starts, lost, end = [], [], 0
    for start, stop in spans:
        if start > end:
            lost += [at for at in range(end, start) if text[at].isalnum()]
        end = max(end, stop)
        found = TEXT.search(text, start, stop) or TEXT.search(text, stop)
        starts.append(found.start() if found else max(len(text.rstrip()) - 1, 0))
    lost += [at for at in range(end, len(text)) if text[at].isalnum()]
    return Encoding(tuple(ids), tuple(starts), tuple(stop for _, stop in spans), tuple(words), tuple(lost))


def boundaries(tokenizer: Any) -> tuple[int, int]:
    """Return the tokens that begin and end a text: [CLS] and [SEP], or whatever a given tokenizer has for them."""
    begin = next(i for i in (tokenizer.cls_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id) if i is not None)
    end = next(i for i in (tokenizer.sep_token_id, tokenizer.eos_token_id, begin) if i is not None)
    return begin, end
