"""Mistakes that a user can mend, told with place, finding and expectation."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in what the user gave.

    Parameters
    ----------
    place
        Where it is: a file, and the row and column or the line and key in it.
    found
        What stands there.
    expected
        What should stand there; empty where the finding says it all.

    Examples
    --------
    >>> print(Problem("items.csv: row 3, column target", "an empty cell", "a word of the sentence"))
    items.csv: row 3, column target: found an empty cell; expected a word of the sentence
    """

    place: str
    found: str
    expected: str = ""

    def __str__(self) -> str:
        expectation = f"; expected {self.expected}" if self.expected else ""
        return f"{self.place}: found {self.found}{expectation}"


class PsylmError(Exception):
    """A mistake the user can mend. The command line prints its message, without a traceback, and exits with 2."""


class InputError(PsylmError):
    """What the user gave is wrong in one or more places, all of which are told at once.

    Parameters
    ----------
    problems
        What is wrong; a message lists every one.
    """

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        super().__init__("\n".join(map(str, problems)))


def one_of(found: str, known: Sequence[str]) -> str:
    """Say what is known, and which of it is near to what was found.

    Examples
    --------
    >>> one_of("Fitting", ["fitting", "odd"])
    'one of fitting, odd (did you mean fitting?)'
    """
    near = difflib.get_close_matches(found.lower(), known, n=1, cutoff=0.5)
    return "one of " + ", ".join(known) + (f" (did you mean {near[0]}?)" if near else "")
