"""The measures that there are: each registers itself with what it needs and what it gives."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel

from psylm.common.errors import Problem
from psylm.common.registry import Registry

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
    families
        Model families that can be asked for it.
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
    families: frozenset[str]
    options: type[BaseModel]
    needs_target: bool
    together: Together
    meaning: str
    arrays: bool = False
    check: Check | None = None
    gives: Gives | None = None

    def given(self, options: BaseModel) -> set[str]:
        """Return the names that the results have for what this measure gives with these options."""
        return {self.name} if self.gives is None else set(self.gives(options))


MEASURES: Registry[Measure] = Registry("measure", package="psylm.measures", folder="measures")
"""Every measure by name: a module of `psylm.measures` each, and the files of the study's own `measures/`."""


def measure(
    name: str,
    *,
    families: set[str],
    meaning: str,
    options: type[BaseModel] = NoOptions,
    needs_target: bool = False,
    together: Together = "alone",
    arrays: bool = False,
    check: Check | None = None,
    gives: Gives | None = None,
) -> Callable[[Function], Function]:
    """Register a function as a measure; parameters as in `Measure`.

    Examples
    --------
    >>> sorted(MEASURES["cloze"].families)
    ['causal', 'masked', 'permuted', 'recurrent', 'seq2seq']
    """

    def register(function: Function) -> Function:
        MEASURES.add(
            name,
            Measure(
                name, function, frozenset(families), options, needs_target, together, meaning, arrays, check, gives
            ),
        )
        return function

    return register


def measures() -> Registry[Measure]:
    """Return every measure, by name."""
    return MEASURES
