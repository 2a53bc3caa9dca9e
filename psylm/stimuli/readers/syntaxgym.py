"""Test suites of SyntaxGym (Hu et al. 2020), as they are published."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from psylm.common.errors import InputError, Problem
from psylm.common.yaml_document import read_text
from psylm.stimuli.predictions import ALL, Formula, parse, places
from psylm.stimuli.readers.registry import Tables, reader, value_at

SUITE = "a SyntaxGym suite"

_at = partial(value_at, kind=SUITE)


@reader("syntaxgym")
def syntaxgym(files: list[Path]) -> Tables:
    """Read a test suite of SyntaxGym (Hu et al. 2020): conditions of regions, and predictions about them.

    A sentence is its regions with a space between them, none before a mark of punctuation; an empty region stays
    as one of no characters. The suite's predictions are carried along in a column of that name, as a JSON list.

    Raises
    ------
    InputError
        The file is no such suite, or a prediction names a condition or region that an item lacks.
    """
    path = files[0]
    try:
        suite = json.loads(read_text(path, SUITE))
    except ValueError as error:
        raise InputError(Problem(str(path), f"broken JSON ({error})", SUITE)) from None
    formulas = [
        " ".join(_at(one, "formula", f"{path}: prediction {number}").split())
        for number, one in enumerate(_at(suite, "predictions", str(path)), start=1)
    ]
    rows = []
    for number, item in enumerate(_at(suite, "items", str(path)), start=1):
        place = f"{path}: item {number}"
        name = str(_at(item, "item_number", place))
        for which, condition in enumerate(_at(item, "conditions", place), start=1):
            here = f"{place}, condition {which}"
            regions = _at(condition, "regions", here)
            rows.append(_sentence(name, _at(condition, "condition_name", here), regions, here))
    table = pd.DataFrame(rows).assign(predictions=json.dumps(formulas, ensure_ascii=False))
    _check_predictions(table, formulas, path)
    return table.set_index(pd.RangeIndex(2, len(table) + 2, name="row")), None


def _sentence(item: str, condition: str, regions: list[dict[str, Any]], place: str) -> dict[str, str]:
    sentence, placed = "", []
    for number, region in enumerate(regions, start=1):
        content = str(_at(region, "content", f"{place}, region {number}")).strip()
        attached = not sentence or not content or unicodedata.category(content[0]) in ("Po", "Pe", "Pf")
        sentence += content if attached else f" {content}"
        name = str(_at(region, "region_number", f"{place}, region {number}"))
        placed.append([name, len(sentence) - len(content), len(sentence)])
    return {
        "item": item,
        "condition": condition,
        "sentence": sentence,
        "regions": json.dumps(placed, ensure_ascii=False),
    }


def _check_predictions(table: pd.DataFrame, formulas: list[str], path: Path) -> None:
    known = {
        (name, condition)
        for condition, regions in zip(table["condition"], table["regions"], strict=True)
        for name in [ALL, *(name for name, _, _ in json.loads(regions))]
    }
    unknown = {place for formula in formulas for place in places(_parsed(formula, path))} - known
    if unknown:
        raise InputError(
            *(
                Problem(
                    f"{path}: predictions", f"region {region} of condition {condition!r}", "one that the items have"
                )
                for region, condition in sorted(unknown)
            )
        )


def _parsed(formula: str, path: Path) -> Formula:
    try:
        return parse(formula)
    except InputError as error:
        raise InputError(
            *(replace(problem, place=f"{path}: predictions, {problem.place}") for problem in error.problems)
        ) from None
