"""How the value of a change may be written: one reader a form, for the records of kinds."""

from __future__ import annotations

import math
import re
from pathlib import Path

from psylm.models.lesion_kinds import ReadValue, Value


def names(pattern: re.Pattern[str]) -> ReadValue:
    """Return a reader of names that stand apart by `+`, each once."""

    def read(value: str) -> Value | None:
        parts = value.split("+")
        good = all(pattern.fullmatch(part) and part.isascii() for part in parts) and len(set(parts)) == len(parts)
        return (value, None) if good else None

    return read


def number(low: float, high: float, *, above: bool = False) -> ReadValue:
    """Return a reader of numbers from `low` (or `above` it) to `high`."""

    def read(value: str) -> Value | None:
        if not re.fullmatch(r"\d+(\.\d+)?(e-?\d+)?", value, re.ASCII):
            return None
        strength = float(value)
        good = low <= strength <= high and math.isfinite(strength) and not (above and strength == low)
        return (repr(strength), strength) if good else None

    return read


def count(least: int) -> ReadValue:
    """Return a reader of whole numbers."""

    def read(value: str) -> Value | None:
        good = re.fullmatch(r"\d{1,9}", value, re.ASCII) and int(value) >= least
        return (str(int(value)), float(value)) if good else None

    return read


def amount(value: str) -> Value | None:
    """Read a number of heads, or, with a decimal point, a share of all."""
    return (number(0, 1) if "." in value else count(0))(value)


def nothing(value: str) -> Value | None:
    """Read the value of what has a seed only."""
    return None if value else (value, None)


def none(value: str) -> Value | None:
    """Read the word `none`."""
    return (value, None) if value == "none" else None


def existing_file(value: str) -> Value | None:
    """Read the path of a file that is there."""
    return (value, None) if Path(value).is_file() else None
