"""Readers of published test suites: SyntaxGym's JSON and BLiMP's minimal pairs, unchanged."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import pandas as pd

from psylm.common.errors import InputError, Problem
from psylm.common.yaml_document import read_text
from psylm.stimuli.predictions import ALL, parse, places

Tables = tuple[pd.DataFrame, pd.DataFrame | None]


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
        suite = json.loads(read_text(path, "a SyntaxGym suite"))
        formulas = [" ".join(one["formula"].split()) for one in suite["predictions"]]
        rows = [
            _sentence(str(item["item_number"]), condition["condition_name"], condition["regions"])
            for item in suite["items"]
            for condition in item["conditions"]
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(Problem(str(path), f"{type(error).__name__}: {error}", "a SyntaxGym suite")) from None
    table = pd.DataFrame(rows).assign(predictions=json.dumps(formulas, ensure_ascii=False))
    _check_predictions(table, formulas, path)
    return table.set_index(pd.RangeIndex(2, len(table) + 2, name="row")), None


def _sentence(item: str, condition: str, regions: list[dict[str, Any]]) -> dict[str, str]:
    sentence, placed = "", []
    for region in regions:
        content = str(region["content"]).strip()
        attached = not sentence or not content or unicodedata.category(content[0]) in ("Po", "Pe", "Pf")
        sentence += content if attached else f" {content}"
        placed.append([str(region["region_number"]), len(sentence) - len(content), len(sentence)])
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
    unknown = {place for formula in formulas for place in places(parse(formula))} - known
    if unknown:
        raise InputError(
            *(
                Problem(
                    f"{path}: predictions", f"region {region} of condition {condition!r}", "one that the items have"
                )
                for region, condition in sorted(unknown)
            )
        )


def blimp(files: list[Path]) -> Tables:
    """Read minimal pairs of BLiMP (Warstadt et al. 2020): in each pair a good and a bad sentence.

    The target is the word at which the pair can be judged, where the source has one: two words after the same
    beginning (its one-prefix method), or the same word after two beginnings (two-prefix). Pairs without one can be
    compared as whole sentences only.
    """
    rows = []
    for file in files:
        for number, line in enumerate(read_text(file, "BLiMP's JSON lines").splitlines(), start=1):
            try:
                pair = json.loads(line)
                rows += [_judged(pair, judgement) for judgement in ("good", "bad")]
            except (ValueError, KeyError, TypeError) as error:
                found = f"{type(error).__name__}: {error}"
                raise InputError(Problem(f"{file}: line {number}", found, "a minimal pair of BLiMP")) from None
    table = pd.DataFrame(rows)
    if (table["target"] == "").all():
        table = table.drop(columns=["target", "start"])
    return table.set_index(pd.RangeIndex(2, len(table) + 2, name="row")), None


def _judged(pair: dict[str, Any], judgement: str) -> dict[str, str]:
    sentence = pair[f"sentence_{judgement}"]
    if pair.get("one_prefix_method"):
        prefix, word = pair["one_prefix_prefix"], pair[f"one_prefix_word_{judgement}"]
    elif pair.get("two_prefix_method"):
        prefix, word = pair[f"two_prefix_prefix_{judgement}"], pair["two_prefix_word"]
    else:
        prefix = word = ""
    fits = word and sentence.startswith(f"{prefix} {word}")
    return {
        "item": str(pair["pairID"]),
        "acceptability": judgement,
        "sentence": sentence,
        "target": word if fits else "",
        "start": str(len(prefix) + 1) if fits else "",
        "phenomenon": pair["linguistics_term"],
        "field": pair["field"],
    }
