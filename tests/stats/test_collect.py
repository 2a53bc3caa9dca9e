"""Rows become tables: labelled, joined and adjusted once for every analysis."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests

from psylm.prose.paragraphs import paragraphs
from psylm.stats.collect import collect, groups, select


def test_p_values_are_adjusted_within_each_family_as_statsmodels_does():
    p = np.random.default_rng(1).uniform(0, 0.1, size=(2, 6))
    parts = [("tests", {"model": model}, [{"p": value} for value in row]) for model, row in zip("ab", p, strict=True)]
    table = collect(parts, families={"tests": ["model"], "absent": ["model"]})["tests"]
    expected = [multipletests(row, method="holm")[1] for row in p]
    np.testing.assert_allclose(table["p_holm"], np.concatenate(expected))


def test_rows_come_as_dicts_or_as_tables_and_their_own_values_win():
    parts = [
        ("means", {"model": "a", "layer": -1}, pd.DataFrame({"layer": [0, 1], "mean": [1.0, 2.0]})),
        ("means", {"model": "b", "layer": -1}, iter([{"mean": 3.0, "n": 4}])),
        ("none", {"model": "b"}, []),
    ]
    tables = collect(parts)
    assert list(tables) == ["means"] and list(tables["means"]) == ["model", "layer", "mean", "n"]
    assert tables["means"]["layer"].tolist() == [0, 1, -1]
    assert math.isnan(tables["means"]["n"][0]) and tables["means"]["n"][2] == 4


def test_what_is_selected_is_about_all_that_was_asked():
    table = pd.DataFrame({"model": list("aabb"), "stimuli": list("stst"), "n": [1, 2, 3, 4]})
    found = select({"counts": table, "others": table.iloc[:1]}, model="b", stimuli="t")
    assert list(found) == ["counts"] and found["counts"]["n"].tolist() == [4]
    with pytest.raises(KeyError):
        select({"counts": table}, layer="1")


def test_paragraphs_speak_of_tables_in_the_order_that_is_asked_and_leave_out_what_is_absent():
    table = pd.DataFrame({"model": list("baab"), "stimuli": "s", "task": list("xyxx"), "n": [1, 2, 3, 4]})
    say = {
        "late": lambda rows: [f"late {len(rows)}"],
        "absent": lambda rows: ["never"],
        "n": lambda rows: map(str, rows["n"]),
    }
    assert paragraphs({"n": table, "late": table}, say, heading=["model"], within=["task"]) == {
        "b": ["late 2", "1", "4"], "a": ["late 1", "late 1", "2", "3"],
    }  # fmt: skip
    assert list(paragraphs({"n": table}, say)) == ["b on s", "a on s"]


def test_groups_are_those_of_pandas_in_the_order_of_the_rows():
    table = pd.DataFrame({"model": list("bab"), "layer": [1, 1, 0]})
    assert [(key, len(rows)) for key, rows in groups(table, ["model", "layer"])] == [
        (("b", 1), 1),
        (("a", 1), 1),
        (("b", 0), 1),
    ]
    assert [key for key, _ in groups(table, ["model"])] == [("b",), ("a",)]
