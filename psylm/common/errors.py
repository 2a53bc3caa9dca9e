"""Mistakes that a user can mend, reported with place, finding and expectation."""

from __future__ import annotations

import csv
import difflib
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

SHOWN_PROBLEMS = 20
"""Problems that a message lists; a file has all of them."""


class Case(NamedTuple):
    """One row of a table that a problem is about: its number as a spreadsheet shows it, finding and expectation."""

    row: int
    found: str
    expected: str


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
    cases
        Where one mistake stands in many rows of a table: each of them.

    Examples
    --------
    >>> print(Problem("items.csv: row 3, column target", "an empty cell", "a word of the sentence"))
    items.csv: row 3, column target: found an empty cell; expected a word of the sentence
    """

    place: str
    found: str
    expected: str = ""
    cases: tuple[Case, ...] = ()

    def __str__(self) -> str:
        expectation = f"; expected {self.expected}" if self.expected else ""
        return f"{self.place}: found {self.found}{expectation}"


class PsylmError(Exception):
    """A mistake the user can mend. The command line prints its message, without a traceback, and exits with 2."""


class InputError(PsylmError):
    """What the user gave is wrong in one or more places, all of which are reported at once.

    Parameters
    ----------
    problems
        What is wrong; a message lists the first `SHOWN_PROBLEMS`, and says how many more there are.
    file
        A file that has every row of them, if one was written.
    """

    def __init__(self, *problems: Problem, file: Path | None = None) -> None:
        self.problems, self.file = problems, file
        lines = [str(problem) for problem in problems[:SHOWN_PROBLEMS]]
        if len(problems) > SHOWN_PROBLEMS:
            lines.append(f"and {len(problems) - SHOWN_PROBLEMS:,} more problems")
        super().__init__("\n".join(lines))

    @property
    def abridged(self) -> bool:
        """Whether the message leaves out problems, or rows of one."""
        return len(self.problems) > SHOWN_PROBLEMS or any(len(problem.cases) > 1 for problem in self.problems)


def write_problems(problems: Iterable[Problem], file: Path | None = None) -> Path:
    """Write problems to a CSV file, a line a row that has one: `place, row, found, expected`.

    Parameters
    ----------
    problems
        The problems.
    file
        Where to; by default a new file in the system's folder for temporary files.

    Returns
    -------
    Path
        The file.
    """
    if file is None:
        with tempfile.NamedTemporaryFile(prefix="psylm-problems-", suffix=".csv", delete=False) as made:
            file = Path(made.name)
    try:
        with file.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["place", "row", "found", "expected"])
            for problem in problems:
                whole = Case(0, problem.found, problem.expected)
                for row, found, expected in problem.cases or [whole]:
                    writer.writerow([problem.place, row or "", found, expected])
    except OSError as error:
        raise InputError(Problem(f"output {file}", str(error.strerror), "a file that can be written")) from None
    return file


def one_of(found: str | Sequence[str], known: Sequence[str]) -> str:
    """Say what is known, and which of it is near to what was found.

    Examples
    --------
    >>> one_of("Fitting", ["fitting", "odd"])
    'one of fitting, odd (did you mean fitting?)'
    >>> one_of(["Fitting", "Odd", "x"], ["fitting", "odd"])
    "one of fitting, odd (did you mean fitting for 'Fitting', odd for 'Odd'?)"
    """
    names = [found] if isinstance(found, str) else list(found)
    near = {name: close for name in names for close in [nearest(name, known)] if close}
    if not near:
        hint = ""
    elif len(names) == 1:
        hint = f" (did you mean {near[names[0]]}?)"
    else:
        hint = f" (did you mean {', '.join(f'{close} for {name!r}' for name, close in near.items())}?)"
    return "one of " + ", ".join(known) + hint


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name that is nearest to a name, whatever its capitals and spaces; empty text if none is near.

    Examples
    --------
    >>> nearest(" Sentences", ["item", "sentence"])
    'sentence'
    """
    plain = {one.strip().casefold(): one for one in known}
    close = difflib.get_close_matches(name.strip().casefold(), plain, n=1, cutoff=0.5)
    return plain[close[0]] if close else ""
