"""How a change to a model is written in its name: `MODEL#CHANGE[,CHANGE…]`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from psylm.common.errors import InputError, Problem

MARK = "#"
"""What stands between a model's name and what is changed in it."""

LARGEST_SEED = 2**32 - 1
HEAD = re.compile(r"[edc]?\d+\.\d+")
LAYER = re.compile(r"[ed]?\d+")


@dataclass(frozen=True)
class Kind:
    """A kind of change.

    Parameters
    ----------
    form
        How its value is written, for messages.
    meaning
        What it does, in a line.
    read
        Checks a value; returns the one way in which it is written, and its strength where it has one.
    seeded
        Whether something is drawn at random, so that a value ends in `@SEED`.
    intact
        The strength that changes nothing.
    """

    form: str
    meaning: str
    read: Callable[[str], tuple[str, float | None] | None]
    seeded: bool = False
    intact: float | None = 0


@dataclass(frozen=True)
class Change:
    """One change to a model.

    Parameters
    ----------
    kind
        A name in `KINDS`.
    value
        What stands after the equals sign, without the seed.
    strength
        The value as a number, where it is one.
    seed
        Of what is drawn at random; None where nothing is.
    """

    kind: str
    value: str
    strength: float | None = None
    seed: int | None = None

    def __str__(self) -> str:
        seed = "" if self.seed is None else f"@{self.seed}" if self.value else str(self.seed)
        return f"{self.kind}={self.value}{seed}"

    @property
    def places(self) -> tuple[str, ...]:
        """The heads or layers that it names."""
        return tuple(self.value.split("+"))

    @property
    def is_share(self) -> bool:
        """Whether an amount of heads is a share of all, not a number of them."""
        return "." in self.value


@dataclass(frozen=True)
class Lesion:
    """What is changed in a model: none, one or several changes, each kind once.

    Examples
    --------
    >>> lesion = Lesion.parse("heads=3.4+5.0,temperature=2", "model 'm#…'")
    >>> str(lesion), lesion["heads"].places, lesion["temperature"].strength, "span" in lesion
    ('heads=3.4+5.0,temperature=2.0', ('3.4', '5.0'), 2.0, False)
    >>> Lesion.parse("span=0", "model 'm#span=0'")
    Traceback (most recent call last):
    ...
    psylm.common.errors.InputError: model 'm#span=0': found span '0'; expected span=TOKENS, a number from 1
    """

    changes: tuple[Change, ...] = ()

    @classmethod
    def parse(cls, text: str, where: str) -> Lesion:
        """Read what stands after the `#` of a name.

        Parameters
        ----------
        text
            Changes, with commas between them.
        where
            What the text belongs to, for messages.

        Raises
        ------
        InputError
            A change of no known kind or form, or a kind for a second time.
        """
        changes: dict[str, Change] = {}
        for part in text.split(","):
            kind, equals, value = part.partition("=")
            if kind not in KINDS or not equals:
                forms = ", ".join(f"{name}={known.form}" for name, known in KINDS.items())
                raise InputError(Problem(where, f"a change {part!r}", forms))
            if kind in changes:
                raise InputError(Problem(where, f"{kind} a second time", "each kind of change once"))
            changes[kind] = _change(kind, value, where)
        return cls(tuple(changes.values()))

    def __str__(self) -> str:
        return ",".join(map(str, self.changes))

    def __bool__(self) -> bool:
        return bool(self.changes)

    def __contains__(self, kind: str) -> bool:
        return any(change.kind == kind for change in self.changes)

    @property
    def texts(self) -> bytes:
        """What the file of reference texts holds; nothing where the lesion names none."""
        return Path(self["texts"].value).read_bytes() if "texts" in self else b""

    def __getitem__(self, kind: str) -> Change:
        return next(change for change in self.changes if change.kind == kind)


NONE = Lesion()
"""An intact model's."""


def _change(kind: str, text: str, where: str) -> Change:
    known = KINDS[kind]
    value, _, seed = text.rpartition("@") if known.seeded else (text, "", "")
    read = known.read(value)
    good_seed = seed.isdecimal() and seed.isascii() and int(seed) <= LARGEST_SEED
    if read is None or (known.seeded and not good_seed):
        raise InputError(Problem(where, f"{kind} {text!r}", f"{kind}={known.form}"))
    return Change(kind, *read, int(seed) if known.seeded else None)


def _named(pattern: re.Pattern[str]) -> Callable[[str], tuple[str, float | None] | None]:
    def read(value: str) -> tuple[str, float | None] | None:
        names = value.split("+")
        good = all(pattern.fullmatch(name) and name.isascii() for name in names) and len(set(names)) == len(names)
        return (value, None) if good else None

    return read


def _number(low: float, high: float, *, above: bool = False) -> Callable[[str], tuple[str, float | None] | None]:
    def read(value: str) -> tuple[str, float | None] | None:
        if not re.fullmatch(r"\d+(\.\d+)?(e-?\d+)?", value, re.ASCII):
            return None
        number = float(value)
        good = low <= number <= high and math.isfinite(number) and not (above and number == low)
        return (repr(number), number) if good else None

    return read


def _count(least: int) -> Callable[[str], tuple[str, float | None] | None]:
    def read(value: str) -> tuple[str, float | None] | None:
        good = re.fullmatch(r"\d{1,9}", value, re.ASCII) and int(value) >= least
        return (str(int(value)), float(value)) if good else None

    return read


def _amount(value: str) -> tuple[str, float | None] | None:
    """Read a number of heads, or, with a decimal point, a share of all."""
    return (_number(0, 1) if "." in value else _count(0))(value)


def _nothing(value: str) -> tuple[str, float | None] | None:
    return None if value else (value, None)


def _none(value: str) -> tuple[str, float | None] | None:
    return (value, None) if value == "none" else None


def _file(value: str) -> tuple[str, float | None] | None:
    return (value, None) if Path(value).is_file() else None


_AMOUNT = "a share of all heads from 0.0 to 1.0, or a number of heads"

KINDS = {
    "heads": Kind("LAYER.HEAD[+LAYER.HEAD…], each once, counted from 0", "heads that give zeros", _named(HEAD)),
    "mean-heads": Kind(
        "LAYER.HEAD[+LAYER.HEAD…], each once, counted from 0",
        "heads that give what they give on average over reference texts",
        _named(HEAD),
    ),
    "layers": Kind("LAYER[+LAYER…], each once, counted from 0", "layers that are passed by", _named(LAYER)),
    "random-heads": Kind(f"AMOUNT@SEED, {_AMOUNT}", "heads drawn at random that give zeros", _amount, seeded=True),
    "important-heads": Kind(f"AMOUNT, {_AMOUNT}", "the heads that matter most give zeros", _amount),
    "unimportant-heads": Kind(f"AMOUNT, {_AMOUNT}", "the heads that matter least give zeros", _amount),
    "temperature": Kind(
        "NUMBER above 0", "attention is flatter (above 1) or sharper", _number(0, 1e6, above=True), intact=1
    ),
    "span": Kind("TOKENS, a number from 1", "each token sees itself and the nearest ones only", _count(1), intact=None),
    "noise": Kind("STRENGTH@SEED, a number from 0", "noise on what attention gives", _number(0, 1e6), seeded=True),
    "dropout": Kind(
        "SHARE@SEED, from 0 to below 1", "other units are silent at each token", _number(0, 1 - 1e-9), seeded=True
    ),
    "thinned": Kind(
        "SHARE@SEED, from 0 to below 1", "the same units are always silent", _number(0, 1 - 1e-9), seeded=True
    ),
    "positions": Kind("none", "every token is at the same place", _none, intact=None),
    "shuffle": Kind(
        "TOKENS@SEED, a number from 1", "places are shuffled within stretches", _count(1), seeded=True, intact=1
    ),
    "random": Kind("SEED, a whole number", "weights drawn at random", _nothing, seeded=True, intact=None),
    "texts": Kind("FILE, a text file that is there", "what averages and importance are of", _file, intact=None),
}
"""Kinds of changes by the names that a user types."""
