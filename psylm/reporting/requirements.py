"""What an analysis needs of an experiment: known before anything is scored."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pandas as pd

from psylm.common.errors import Problem, PsylmError
from psylm.stats.reading.observations import responses_in

PARTS = ("REQUIRES", "tables", "figures", "summary")
"""What an analysis module must have."""


@dataclass(frozen=True)
class Requires:
    """What an analysis module needs, as its `REQUIRES` says; a tuple alone is the measures.

    Parameters
    ----------
    measures
        Measures as the results name them, each of which the config must ask for.
    columns
        Columns of the items, factors included, that at least one of the stimulus sets has.
    unit
        Unit of human data that at least one of the sets has, `ms` for example.
    items, level_items
        How many items of each set, and of each level of the factors between items, its tests need at least; with fewer,
        it is left out with a note.
    """

    measures: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    unit: str = ""
    items: int = 1
    level_items: int = 0


@dataclass(frozen=True)
class Offered:
    """A stimulus set as an analysis sees it: its card as plain data, its items, and whether it has human data."""

    name: str
    card: dict[str, Any]
    items: pd.DataFrame
    has_human: bool


def requirements(name: str, module: ModuleType) -> Requires:
    """Return what a module needs.

    Raises
    ------
    PsylmError
        It lacks one of its parts, or its `REQUIRES` is of another kind.
    """
    about = f"analysis module {name!r} ({module.__file__})"
    lacking = [part for part in PARTS if not hasattr(module, part)]
    if lacking:
        raise PsylmError(f"{about}: found no {', '.join(lacking)}; expected {', '.join(PARTS)}")
    required = module.REQUIRES
    if isinstance(required, tuple) and all(isinstance(measure, str) for measure in required):
        return Requires(measures=required)
    if not isinstance(required, Requires):
        expected = "a tuple of measures, ('surprisal',) for example, or psylm.reporting.analyses.Requires"
        raise PsylmError(f"{about}, REQUIRES: found {required!r}; expected {expected}")
    return required


def unmet(name: str, needs: Requires, given: Collection[str], sets: Sequence[Offered], place: str) -> list[Problem]:
    """Find what an experiment lacks for an analysis.

    Parameters
    ----------
    name
        The analysis.
    needs
        What it needs.
    given
        Measures that the results have, or will have.
    sets
        The stimulus sets.
    place
        Where the experiment names the analysis, for messages.
    """
    problems = []
    missing = [measure for measure in needs.measures if measure not in given]
    if missing:
        found = f"{name!r}, which needs the measure {', '.join(missing)}"
        problems.append(Problem(place, found, f"it among what measures give, here {', '.join(sorted(given))}"))
    names = ", ".join(one.name for one in sets)
    if needs.columns and not any(set(needs.columns) <= set(one.items) for one in sets):
        found = f"{name!r}, which needs the columns {', '.join(needs.columns)}"
        problems.append(Problem(place, found, f"a stimulus set that has them, unlike {names}"))
    if needs.unit and not any(one.has_human and responses_in(one.card, needs.unit) for one in sets):
        found = f"{name!r}, which needs human data in {needs.unit}"
        expected = f"a stimulus set with human data whose meaning on its card ends in ({needs.unit}), unlike {names}"
        problems.append(Problem(place, found, expected))
    return problems


def too_few(name: str, needs: Requires, sets: Sequence[Offered]) -> str:
    """Say that stimulus sets have too few items for an analysis; empty text if they have enough.

    Examples
    --------
    >>> one = Offered("pairs", {}, pd.DataFrame({"item": ["1", "1"]}), has_human=False)
    >>> too_few("lesions", Requires(items=2), [one])
    'analysis lesions is left out: it needs 2 items of each stimulus set, and pairs has 1'
    """
    for one in sets:
        count = one.items["item"].nunique()
        if count < needs.items:
            return (
                f"analysis {name} is left out: it needs {needs.items} items of each stimulus set, "
                f"and {one.name} has {count}"
            )
        for factor in one.card.get("between", []):
            items = one.items.groupby(factor)["item"].nunique()
            for level in one.card["factors"][factor]:
                if items.get(level, 0) < needs.level_items:
                    return (
                        f"analysis {name} is left out: it needs {needs.level_items} items of each level between items, "
                        f"and {one.name} has {items.get(level, 0)} of {factor}: {level}"
                    )
    return ""
