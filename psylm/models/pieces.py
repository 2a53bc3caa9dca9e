"""Tokens of a piece of text that goes on with another: where a token boundary is forced, no beginning is marked."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from psylm.models.surfaces import MARK

Part = tuple[list[int], list[tuple[int, int]], list[int]]
"""Tokens, the characters of each, and the number of the word that it lies in."""

INSIDE = "##"
"""WordPiece's mark of a token that goes on with a word."""


class Continuing:
    """Tokenizes text that stands right after other text.

    A tokenizer takes what it is given for a whole text: SentencePiece puts a mark of space before it, and WordPiece
    takes its first letters for the beginning of a word. Here the same vocabulary is used without that.

    Parameters
    ----------
    fast
        A fast tokenizer of `transformers`.
    inside
        Whether the vocabulary marks tokens inside a word (`##`).
    """

    def __init__(self, fast: Any, *, inside: bool) -> None:
        from tokenizers import Tokenizer

        self.whole = fast.backend_tokenizer
        state = json.loads(self.whole.to_str())
        for component in ("normalizer", "pre_tokenizer"):
            state[component] = _without_prefix(state[component])
        state |= {"truncation": None, "padding": None}
        self.plain = Tokenizer.from_str(json.dumps(state, ensure_ascii=False))
        self.plain.encode_special_tokens = True
        self.vocabulary: dict[str, int] = fast.get_vocab() if inside else {}
        self._marks_come_first = _marks_second_word(self.whole) and not _marks_second_word(self.plain)

    def encode(self, text: str) -> Part:
        """Tokenize a text that goes on with another."""
        if not self._marks_come_first:
            part = _part(self.plain, text)
            return self._inside(part, text) if self.vocabulary and not text[0].isspace() else part
        # The mark is put before each word, not in the place of a space: only the first word goes without.
        begun = next((at for at, character in enumerate(text) if character.isspace()), len(text))
        return joined([(_part(self.plain, text[:begun]), 0), (_part(self.whole, text[begun:]), begun)])

    def _inside(self, part: Part, text: str) -> Part:
        """Replace the tokens of the first word by tokens that go on with a word, longest first."""
        ids, spans, words = part
        count = next((n for n, word in enumerate(words) if word != words[0]), len(words))
        pieces = [self.plain.id_to_token(token) or "" for token in ids[:count]]
        surface = "".join(piece.removeprefix(INSIDE) for piece in pieces)
        edges = [0]
        while edges[-1] < len(surface):
            begin = edges[-1]
            ends = (end for end in range(len(surface), begin, -1) if INSIDE + surface[begin:end] in self.vocabulary)
            end = next(ends, None)
            if end is None:
                return part
            edges.append(end)
        first, last = (spans[0][0], spans[count - 1][1]) if count else (0, 0)
        exact = last - first == len(surface)
        places = [(first + a, first + b) if exact else (first, last) for a, b in pairwise(edges)]
        found = [self.vocabulary[INSIDE + surface[a:b]] for a, b in pairwise(edges)]
        return found + ids[count:], places + spans[count:], words[:1] * len(found) + words[count:]


def _marks_second_word(backend: Any) -> bool:
    pieces = backend.encode("a a", add_special_tokens=False).tokens
    return any(piece[:1] in (MARK, "Ġ") for piece in pieces[1:])


def _part(backend: Any, text: str) -> Part:
    encoding = backend.encode(text, add_special_tokens=False)
    return list(encoding.ids), list(encoding.offsets), [word or 0 for word in encoding.word_ids]


def joined(parts: list[tuple[Part, int]]) -> Part:
    """Join the tokens of pieces of a text, each with the offset at which it stands."""
    ids: list[int] = []
    spans: list[tuple[int, int]] = []
    words: list[int] = []
    for (some, places, numbers), offset in parts:
        ids += some
        spans += [(start + offset, end + offset) for start, end in places]
        words += [number + offset for number in numbers]  # above those before: no text has more words than characters
    return ids, spans, words


def _without_prefix(component: Any) -> Any:
    """Return a component of a tokenizer that puts nothing before a text."""
    if component is None or component["type"] == "Prepend":
        return None
    for parts in ("normalizers", "pretokenizers"):
        if parts in component:
            kept = [_without_prefix(part) for part in component[parts]]
            return component | {parts: [part for part in kept if part is not None]}
    if component["type"] == "Metaspace":
        return component | {"prepend_scheme": "never"}
    return component | {"add_prefix_space": False} if component["type"] == "ByteLevel" else component
