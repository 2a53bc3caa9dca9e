"""How a change to a model is written in its name: `MODEL#CHANGE[,CHANGE…]`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from psylm.common.errors import InputError, Problem
from psylm.models.lesion_kinds import LESION_KINDS, LesionKind, check_value

MARK = "#"
"""What stands between a model's name and what is changed in it."""


@dataclass(frozen=True)
class Change:
    """One change to a model.

    Parameters
    ----------
    kind
        A name in `LESION_KINDS`.
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
    def about(self) -> LesionKind:
        """The record of its kind."""
        return LESION_KINDS[self.kind]

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
            if kind not in LESION_KINDS or not equals:
                forms = ", ".join(f"{name}={known.form}" for name, known in LESION_KINDS.items())
                raise InputError(Problem(where, f"a change {part!r}", forms))
            if kind in changes:
                raise InputError(Problem(where, f"{kind} a second time", "each kind of change once"))
            read, seed = check_value(kind, value, where)
            changes[kind] = Change(kind, *read, seed)
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
