"""Minimal pairs of BLiMP (Warstadt et al. 2020), as they are published."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from psylm.common.errors import InputError, Problem
from psylm.common.yaml_document import read_text
from psylm.stimuli.readers.registry import Tables, reader, value_at

PAIR = "a minimal pair of BLiMP"


@reader("blimp")
def blimp(files: list[Path]) -> Tables:
    """Read minimal pairs of BLiMP (Warstadt et al. 2020): in each pair a good and a bad sentence.

    The target is the word at which the pair can be judged, where the source has one: two words after the same
    beginning (its one-prefix method), or the same word after two beginnings (two-prefix). Pairs without one can be
    compared as whole sentences only.
    """
    rows = []
    for file in files:
        for number, line in enumerate(read_text(file, "BLiMP's JSON lines").rstrip("\n").split("\n"), start=1):
            place = f"{file}: line {number}"
            try:
                pair = json.loads(line)
            except ValueError as error:
                raise InputError(Problem(place, f"broken JSON ({error})", PAIR)) from None
            rows += [_judged(pair, judgement, place) for judgement in ("good", "bad")]
    table = pd.DataFrame(rows)
    if (table["target"] == "").all():
        table = table.drop(columns=["target", "start"])
    return table.set_index(pd.RangeIndex(2, len(table) + 2, name="row")), None


def _judged(pair: dict[str, Any], judgement: str, place: str) -> dict[str, str]:
    at = partial(value_at, pair, place=place, kind=PAIR)
    sentence = at(f"sentence_{judgement}")
    if pair.get("one_prefix_method"):
        prefix, word = at("one_prefix_prefix"), at(f"one_prefix_word_{judgement}")
    elif pair.get("two_prefix_method"):
        prefix, word = at(f"two_prefix_prefix_{judgement}"), at("two_prefix_word")
    else:
        prefix = word = ""
    fits = word and sentence.startswith(f"{prefix} {word}")
    return {
        "item": str(at("pairID")),
        "acceptability": judgement,
        "sentence": sentence,
        "target": word if fits else "",
        "start": str(len(prefix) + 1) if fits else "",
        "phenomenon": at("linguistics_term"),
        "field": at("field"),
    }
