"""Sizes of memory, as users write them."""

from __future__ import annotations

import re

from psylm.common.errors import InputError, Problem

UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30}


def bytes_of(size: str) -> int:
    """Read a size of memory.

    Examples
    --------
    >>> bytes_of("4GB") == bytes_of("4 GiB") == 4 * 2**30, bytes_of("500m") // 2**20
    (True, 500)
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmg]?)(?:i?b)?\s*", size.lower())
    if match is None:
        raise InputError(Problem("memory", repr(size), "a size such as 4GB or 800MB"))
    return int(float(match[1]) * UNITS[match[2]])
