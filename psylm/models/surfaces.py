"""What the tokens of a vocabulary write, in bytes, and which of them say that the word before them is over."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Any

from psylm.common.language import ends_word

MARK = "▁"
"""SentencePiece's mark of a space."""

BYTE = re.compile(r"<0x([0-9A-F]{2})>")
"""The name of a token that is a byte of a character which the vocabulary lacks."""


def surfaces(fast: Any, size: int) -> list[bytes]:
    """Return what each token of a vocabulary writes, a mark of space as a space.

    Parameters
    ----------
    fast
        A fast tokenizer of `transformers`.
    size
        How many tokens, from 0.

    Returns
    -------
    list of bytes
        A token may be part of a character.
    """
    pieces = fast.convert_ids_to_tokens(list(range(size)))
    added = set(fast.added_tokens_decoder)
    if is_byte_level(fast):
        alphabet = {character: byte for byte, character in byte_alphabet().items()}
        return [
            bytes(alphabet[character] for character in piece)
            if number not in added and all(character in alphabet for character in piece)
            else piece.encode()
            for number, piece in enumerate(piece or "" for piece in pieces)
        ]
    falls_back = all(f"<0x{byte:02X}>" in fast.get_vocab() for byte in range(256))
    written = []
    for piece in pieces:
        byte = BYTE.fullmatch(piece or "") if falls_back else None
        written.append(bytes([int(byte[1], 16)]) if byte else (piece or "").replace(MARK, " ").encode())
    return written


def is_byte_level(fast: Any) -> bool:
    """Whether a tokenizer reads bytes, each written as a character of GPT-2's alphabet (`Ġ` for a space)."""
    backend = fast.backend_tokenizer
    return mentions(backend.pre_tokenizer, "ByteLevel") or mentions(backend.decoder, "ByteLevel")


def mentions(component: Any, name: str) -> bool:
    """Whether a component of a tokenizer is, holds or writes what is named."""
    return component is not None and name in component.__getstate__().decode()


@cache
def byte_alphabet() -> dict[int, str]:
    """Return the character that stands for each byte in byte-level vocabularies.

    Examples
    --------
    >>> byte_alphabet()[32], byte_alphabet()[97]
    ('Ġ', 'a')
    """
    shown = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return {byte: chr(byte) for byte in shown} | {byte: chr(256 + number) for number, byte in enumerate(hidden)}


@cache
def ends_word_before(surface: bytes) -> bool:
    r"""Whether the word before a token is over, by what the token writes.

    A token that writes only a part of its first character says so where every character that it can be a part of does:
    the first three bytes of 🙂 do, since all that begin so are symbols; the first byte of a Hebrew letter does not,
    nor does any byte that goes on with a character.

    Examples
    --------
    >>> [ends_word_before(surface) for surface in (b" a", b"a", b",", "🙂".encode()[:3], "א".encode()[:1], b"\x90")]
    [True, False, True, True, False, False]
    """
    length = _length(surface[0]) if surface else 0
    if not length:
        return False
    if len(surface) < length:
        return _all_end_words(surface)
    try:
        return ends_word(surface[:length].decode())
    except UnicodeDecodeError:
        return False


def _length(lead: int) -> int:
    """Return the number of bytes of a character by the first of them; 0 where no character begins so."""
    if lead < 0x80:
        return 1
    return next((n for n, (low, high) in {2: (0xC2, 0xDF), 3: (0xE0, 0xEF), 4: (0xF0, 0xF4)}.items()
                 if low <= lead <= high), 0)  # fmt: skip


@cache
def _all_end_words(prefix: bytes) -> bool:
    """Whether every character of Unicode that begins with some bytes ends the word before it."""
    length = _length(prefix[0])
    begun = prefix[0] & (0x7F >> length)
    for byte in prefix[1:]:
        begun = begun << 6 | byte & 0x3F
    missing = 6 * (length - len(prefix))
    code_points = range(begun << missing, min((begun + 1) << missing, 0x110000))
    known = (chr(point) for point in code_points if unicodedata.category(chr(point)) not in ("Cn", "Co", "Cs"))
    found = False
    for character in known:
        if not ends_word(character):
            return False
        found = True
    return found
