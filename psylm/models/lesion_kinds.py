"""Kinds of changes to a model: what each is called, how strong it is, and how it enters; one record a kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from psylm.common.errors import InputError, Problem
from psylm.common.registry import Registry

if TYPE_CHECKING:
    from psylm.models.changes import Change

LARGEST_SEED = 2**32 - 1

Value = tuple[str, float | None]
"""The one way in which a value is written, and its strength where it has one."""

ReadValue = Callable[[str], Value | None]
"""Checks a value that a user wrote; None where it has another form."""

Heads = list[tuple[int, int]]
"""Heads as the number of their attention and their own."""


class Dose(NamedTuple):
    """A lesion as a dose.

    Parameters
    ----------
    name
        What was done, in words.
    dose
        How much of it; 0 is the intact model.
    unit
        What the dose counts, for an axis; empty where it is there or not.
    """

    name: str
    dose: float
    unit: str = ""


@dataclass(frozen=True)
class LesionKind:
    """A kind of change.

    Parameters
    ----------
    form
        How its value is written, for messages.
    meaning
        What it does, in a line.
    read
        Checks a value.
    dose
        Turns what a manifest says of such a change (`ModelInfo.lesion["facts"]`: kind, strength, seed and, where heads
        are taken, `heads` and `of`) into a dose.
    seeded
        Whether something is drawn at random, so that a value ends in `@SEED`.
    intact
        The strength that changes nothing; None where every value changes something.
    names
        What its value names, to be compared with the model's configuration before weights are loaded.
    by_neighbours
        Whether what it does at a token depends on the other tokens of its row or on their number: such a model cannot
        read sequences that begin alike in one row, and two streams of a permutation model would differ in it.
    excludes
        Kinds that cannot stand beside it.
    accompanies
        Of what is no change by itself: kinds of which one must stand beside it.
    at_loading
        Whether other weights are loaded, so that a loaded model cannot be changed in this way.
    stage
        Kinds of a lower stage are entered first, whatever their order in the name.
    choose
        Returns the heads that it silences, looking at the intact network (`psylm.lesions.operation.Operation`).
    enter
        Puts any other change in place.
    """

    form: str
    meaning: str
    read: ReadValue
    dose: Callable[[Mapping[str, Any]], Dose]
    seeded: bool = False
    intact: float | None = 0
    names: Literal["heads", "layers"] | None = None
    by_neighbours: bool = False
    excludes: tuple[str, ...] = ()
    accompanies: tuple[str, ...] = ()
    at_loading: bool = False
    stage: int = 0
    choose: Callable[[Any, Change], Heads] | None = None
    enter: Callable[[Any, Change], None] | None = None

    @property
    def in_series(self) -> bool:
        """Whether a config may ask for a series of it (`lesions:`)."""
        return not self.at_loading and not self.accompanies


LESION_KINDS: Registry[LesionKind] = Registry("lesion", package="psylm.lesions.kinds", folder="lesions")
"""Every kind by the name that a user types: files of `psylm.lesions.kinds`, and of the study's own `lesions/`."""


def dose_of(fact: Mapping[str, Any]) -> Dose:
    """Return the dose of a change, from what a manifest says of it (`ModelInfo.lesion["facts"]`).

    Raises
    ------
    InputError
        The kind is not known: that of a study that is not in use, or of another version.

    Examples
    --------
    >>> dose_of({"kind": "temperature", "strength": 0.5})
    Dose(name='sharper attention', dose=1.0, unit='−log2 temperature')
    >>> dose_of({"kind": "random-heads", "strength": 0.1, "heads": ["0.1"], "of": 10}).dose
    0.1
    """
    return LESION_KINDS.named(str(fact["kind"]), "lesion of a run").dose(fact)


def check_value(kind: str, text: str, where: str) -> tuple[Value, int | None]:
    """Read what stands after the equals sign of a change; return its value and its seed.

    Raises
    ------
    InputError
        It has another form.
    """
    known = LESION_KINDS[kind]
    value, _, seed = text.rpartition("@") if known.seeded else (text, "", "")
    read = known.read(value)
    good_seed = seed.isdecimal() and seed.isascii() and int(seed) <= LARGEST_SEED
    if read is None or (known.seeded and not good_seed):
        raise InputError(Problem(where, f"{kind} {text!r}", f"{kind}={known.form}"))
    return read, int(seed) if known.seeded else None
