"""The measures: each registers itself with what it needs and what it gives."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel

from psylm.common.errors import InputError, Problem, one_of
from psylm.common.registry import Registry
from psylm.models.families import ABILITIES, FAMILIES, Ability

Arrays = dict[str, dict[int, np.ndarray]]
"""What does not fit a table: for each name, an array a trial, of any shape."""

Function = Callable[[Any, pd.DataFrame, Any], Any]
"""Returns a table; a measure with arrays a table and `Arrays`."""

Check = Callable[[pd.DataFrame, Any], list[Problem]]
"""Takes trials and options."""

Gives = Callable[[Any], Collection[str]]
"""Takes options."""

Together = Literal["alone", "frame", "item"]

TRIAL_COLUMNS = ["trial", "item", "condition", "context", "sentence", "target", "start", "regions", "language"]
"""What a measure is given, one row a trial; `regions` as `psylm.stimuli.regions.parse_regions` reads them."""

SCORE_COLUMNS = ["trial", "region", "word_id", "word", "measure", "value", "note"]
"""What a measure returns, one row a value."""


class NoOptions(BaseModel, extra="forbid"):
    """A measure that has nothing to choose."""


@dataclass(frozen=True)
class Measure:
    """A measure: a function of a model and trials that returns a table.

    Parameters
    ----------
    name
        What a config calls it.
    function
        Takes the model, trials (`TRIAL_COLUMNS`) and options; returns scores (`SCORE_COLUMNS`). A score depends on
        nothing else: scores are kept, and found by the trial's texts. Of `item` it may use only which trials share
        one, of `condition` nothing.
    needs
        What a model must be able to do (`psylm.models.families.ABILITIES`): one of these.
    only
        The families that can be asked for it, where `needs` does not say; none to leave it at `needs`.
    options
        Schema of its options.
    needs_target
        Whether every trial must have a target word.
    together
        Which trials it must be given together, since one's score depends on the others: none (`alone`), those that
        share everything before the target (`frame`), or those of an item (`item`).
    meaning
        One line, with the unit.
    arrays
        Whether the function returns arrays (`Arrays`) beside its table. They are written to the run folder, and are too
        large to be kept for later runs.
    check
        Finds what a set's trials lack for the options, before a model is loaded.
    gives
        What the results call what it gives; its own name by default.
    """

    name: str
    function: Function
    needs: frozenset[Ability]
    only: frozenset[str]
    options: type[BaseModel]
    needs_target: bool
    together: Together
    meaning: str
    arrays: bool = False
    check: Check | None = None
    gives: Gives | None = None

    @property
    def families(self) -> frozenset[str]:
        """Names of the model families that can be asked for it, those of the study in use among them."""
        return self.only or frozenset(name for name, family in FAMILIES.items() if family.abilities & self.needs)

    def given(self, options: BaseModel) -> set[str]:
        """Return the names that the results have for what this measure gives with these options."""
        return {self.name} if self.gives is None else set(self.gives(options))


MEASURES: Registry[Measure] = Registry("measure", package="psylm.measures", folder="measures")
"""Every measure by name: a module of `psylm.measures` each, and the files of the study's own `measures/`."""


def measure(
    name: str,
    *,
    meaning: str,
    needs: Collection[Ability] = (),
    families: Collection[str] = (),
    options: type[BaseModel] = NoOptions,
    needs_target: bool = False,
    together: Together = "alone",
    arrays: bool = False,
    check: Check | None = None,
    gives: Gives | None = None,
) -> Callable[[Function], Function]:
    """Register a function as a measure; parameters as in `Measure`.

    Parameters
    ----------
    needs
        Abilities of which a model must have one, so that a family that is added later can be asked too.
    families
        In place of `needs`: the families that can be asked, by name.

    Raises
    ------
    InputError
        There is no such ability or family, or neither is said.

    Examples
    --------
    >>> sorted(MEASURES["cloze"].families)
    ['causal', 'masked', 'permuted', 'recurrent', 'seq2seq']
    """
    place = f"measure {name!r}"
    for ability in needs:
        if ability not in ABILITIES:
            raise InputError(Problem(place, f"the ability {ability!r}", one_of(ability, ABILITIES)))
    for family in families:
        FAMILIES.named(family, f"{place}, families")
    if bool(needs) == bool(families):
        raise InputError(Problem(place, "needs and families" if needs else "neither needs nor families", "one of them"))

    def register(function: Function) -> Function:
        MEASURES.add(
            name,
            Measure(
                name,
                function,
                frozenset(needs),
                frozenset(families),
                options,
                needs_target,
                together,
                meaning,
                arrays,
                check,
                gives,
            ),
        )
        return function

    return register
