"""A model's tokenizer as psylm needs it: token identities, their places in the text, and where words begin."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from psylm.errors import PsylmError
from psylm.language import Span

INSIDE_WORDS = "'’-‐‑_"
"""Punctuation that does not end a word: apostrophes, hyphens, underscore."""


@dataclass(frozen=True)
class Encoding:
    """Tokens of a text.

    Parameters
    ----------
    ids
        Token identities, no special token among them.
    starts
        For each token, the character offset of the first character in it that is not white space.
    ends
        For each token, the offset after its last character.
    words
        For each token, the number of the word it lies in, by the tokenizer's own splitting (punctuation apart).
    """

    ids: tuple[int, ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    words: tuple[int, ...]

    def within(self, span: Span) -> tuple[int, int]:
        """Return the range of tokens that begin inside a span of characters.

        Examples
        --------
        >>> Encoding(ids=(5, 6, 7), starts=(0, 4, 8), ends=(3, 7, 11), words=(0, 1, 2)).within((4, 11))
        (1, 3)
        """
        first, last = bisect_left(self.starts, span[0]), bisect_left(self.starts, span[1])
        return (first, last) if first < last else (0, 0)


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
        whole = self._encode(text)
        if not any(start < cut < end for cut in cuts for start, end in zip(whole.starts, whole.ends, strict=True)):
            return whole
        edges = [0, *(len(text[:cut].rstrip()) for cut in cuts), len(text)]
        pieces = [self._encode(text[start:end], start) for start, end in pairwise(edges) if start < end]
        return Encoding(
            ids=sum((piece.ids for piece in pieces), ()),
            starts=sum((piece.starts for piece in pieces), ()),
            ends=sum((piece.ends for piece in pieces), ()),
            words=sum((piece.words for piece in pieces), ()),
        )

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

    def _encode(self, text: str, offset: int = 0) -> Encoding:
        encoded = self.fast(
            text,
            add_special_tokens=False,
            return_offsets_mapping=True,
            split_special_tokens=True,
            verbose=False,
        )
        ids, spans, words = encoded["input_ids"], encoded["offset_mapping"], encoded.word_ids()
        if offset and ids and self._is_dummy_prefix(ids[0], text):
            ids, spans, words = ids[1:], spans[1:], words[1:]
        starts = tuple(
            offset + (end if text[start:end].isspace() else end - len(text[start:end].lstrip())) for start, end in spans
        )
        ends = tuple(offset + end for _, end in spans)
        return Encoding(tuple(ids), starts, ends, tuple(offset + (word or 0) for word in words))

    def _is_dummy_prefix(self, token: int, text: str) -> bool:
        """Whether SentencePiece put a word mark of its own before a piece that continues a text."""
        return not text[0].isspace() and self.fast.convert_ids_to_tokens(token) == "▁"

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
        if sum(token.startswith("##") for token in tokens) > len(tokens) / 100:
            return "##"
        if sum(token[:1] in ("Ġ", "▁") for token in tokens) > len(tokens) / 100:
            return "space"
        return "none"

    def begins_unit(self, size: int) -> Tensor:
        """Mark the tokens after which the word before them is known to be over.

        They are the tokens that begin with white space, or with punctuation other than an apostrophe or hyphen,
        and the special tokens, end of sequence among them: the set B of the correction of Pimentel & Meister
        (2024).

        Parameters
        ----------
        size
            Width of the model's output, which may be larger than the vocabulary.

        Returns
        -------
        Tensor [size]
            True for the tokens that begin a new unit.
        """
        begins = torch.zeros(size, dtype=torch.bool)
        identities = range(min(size, len(self)))
        pieces = self.fast.convert_ids_to_tokens(list(identities))
        byte_level = any(piece.startswith("Ġ") for piece in pieces if piece)
        alone = [[i] for i in identities]
        backend = self.fast.backend_tokenizer
        surfaces = backend.decode_batch(alone, skip_special_tokens=False) if byte_level else pieces
        special = set(self.fast.all_special_ids)
        for identity, surface in zip(identities, surfaces, strict=True):
            begins[identity] = identity in special or self._ends_word_before(surface or "")
        return begins

    def _ends_word_before(self, surface: str) -> bool:
        if self.word_marking == "##":
            return not surface.startswith("##")
        first = surface[:1]
        if first in ("▁", " ", "\n", "\t", "\r") or first.isspace():
            return True
        punctuation = first != "" and unicodedata.category(first)[0] in "PS"
        return punctuation and first not in INSIDE_WORDS and first != "\ufffd"

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
        unknown = self.fast.unk_token_id
        if unknown is None:
            return []
        return [word for word in text.split() if unknown in self._encode(word).ids]

    def text(self, ids: tuple[int, ...]) -> str:
        """Write tokens as text."""
        decoded: str = self.fast.decode(list(ids), clean_up_tokenization_spaces=False)
        return decoded
