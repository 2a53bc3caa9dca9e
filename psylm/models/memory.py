"""How much may be computed at a time: from a ceiling on memory, and less when memory runs out."""

from __future__ import annotations

import ctypes
import platform
import sys
from dataclasses import dataclass
from functools import cache
from typing import Any

import psutil
import torch

from psylm.common.errors import PsylmError

TOKENS = 2048
"""Tokens, padding included, of one forward pass: enough for full speed; more costs memory only."""

LOGITS = 2**24
"""Logits that are held at a time: so many distributions, of whatever vocabulary, that products are at full speed."""


@dataclass(frozen=True)
class Allowance:
    """How much a model may compute at a time.

    Parameters
    ----------
    tokens
        Tokens in one forward pass, padding included.
    rows
        Distributions over the vocabulary that are held at a time.
    longest
        Tokens in a single text that a ceiling has room for, or None without a ceiling.
    """

    tokens: int
    rows: int
    longest: int | None = None

    def halved(self) -> Allowance:
        """Return half as much."""
        return Allowance(max(self.tokens // 2, 1), self.rows // 2, self.longest)


def allowance(network: Any, ceiling: int | None, device: str) -> Allowance:
    """Return how much a loaded model may compute at a time under a ceiling.

    Parameters
    ----------
    network
        The `transformers` model, on its device.
    ceiling
        Bytes that the process (on a GPU: its memory there) may hold in all, the model's weights included; None
        for no ceiling.
    device
        Where the network is.

    Raises
    ------
    PsylmError
        What is there already leaves no room for a single short text.
    """
    most = Allowance(TOKENS, max(LOGITS // int(network.config.vocab_size), 1))
    if ceiling is None:
        return most
    held = torch.cuda.memory_allocated() if device == "cuda" else psutil.Process().memory_info().rss
    room = ceiling - held - RESERVE
    tokens = int(0.7 * room / token_bytes(network.config, network.dtype))
    rows = int(0.3 * room / row_bytes(network.config, network.dtype))
    if min(tokens, 16 * rows) < 64:
        raise PsylmError(
            f"memory: found {held / 2**20:.0f} MiB in use once the model is loaded; "
            f"expected a ceiling above {(held + RESERVE) / 2**20:.0f} MiB, not {ceiling / 2**20:.0f}"
        )
    return Allowance(min(tokens, most.tokens), min(rows, most.rows), tokens)


RESERVE = 96 * 2**20
"""What the libraries take for themselves while a pass runs (workspaces of matrix products, tables of results)."""


def token_bytes(config: Any, dtype: torch.dtype) -> int:
    """Bytes that one token of a batch needs while it passes a layer: states, projections, feed-forward, attention."""
    width = int(getattr(config, "hidden_size", None) or config.d_model)
    inner = int(getattr(config, "intermediate_size", None) or getattr(config, "d_ff", None) or 4 * width)
    return (12 * width + 4 * inner) * _item(dtype) + 512 * 4 * 2


def row_bytes(config: Any, dtype: torch.dtype) -> int:
    """Bytes that one distribution needs: logits, in 32 bits where they were not, and two arrays made of them."""
    size = int(config.vocab_size)
    return size * (4 * 4 + (0 if dtype == torch.float32 else _item(dtype)))


@cache
def _c_library() -> Any:
    """Return the C library where its allocator is glibc's, else None."""
    glibc = sys.platform == "linux" and platform.libc_ver()[0] == "glibc"
    return ctypes.CDLL(None) if glibc else None


def keep_freed_memory(keep: bool) -> None:
    """Say what the allocator does with what is freed: keep it for the next tensor of that size, or give it back.

    The C library of Linux gives arrays of tens of megabytes back to the system and asks for them anew, and the
    system clears every page: up to a third of the time that a distribution takes. But what is kept comes to have gaps,
    so that a ceiling can hold only where nothing is.
    """
    if _c_library() is not None:
        _c_library().mallopt(M_MMAP_THRESHOLD, 2**30 if keep else 2**22)
        _c_library().mallopt(M_TRIM_THRESHOLD, 2**31 - 1 if keep else 2**22)


def give_back_freed_memory() -> None:
    """Return what is freed to the system after all.

    Small objects come to lie in the gaps that large tensors leave, so that the next one needs new room; done now and
    then, this keeps the gaps from adding up.
    """
    if _c_library() is not None:
        _c_library().malloc_trim(0)


M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's `mallopt`."""


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on the processor or a GPU."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)


def _item(dtype: torch.dtype) -> int:
    return int(dtype.itemsize)
