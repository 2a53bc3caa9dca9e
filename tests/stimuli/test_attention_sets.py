"""The sets for attention as selection: what their cards promise is true of every item."""

from __future__ import annotations

from collections import Counter

import pandas as pd
import pytest

from psylm.common.study import Study
from psylm.stimuli import load_stimuli
from psylm.stimuli.regions import parse_regions

SETS = {"agreement-attraction": (48, 8), "reflexives": (32, 4), "filler-gap": (24, 4), "case-ja": (24, 4)}
STUDY = Study(None)


def items_of(name: str) -> pd.DataFrame:
    return load_stimuli(name, STUDY).items


def region(row: pd.Series, name: str) -> str:
    (found,) = [row["sentence"][start:end] for found, start, end in parse_regions(row["regions"]) if found == name]
    return found


def regions(items: pd.DataFrame, name: str) -> pd.Series:
    return items.apply(region, axis=1, name=name)


@pytest.mark.parametrize(("name", "size"), SETS.items())
def test_a_set_has_its_items_and_every_condition(name: str, size: tuple[int, int]) -> None:
    items = items_of(name)
    assert items["item"].nunique() == size[0]
    assert set(items.groupby("item")["condition"].nunique()) == {size[1]}
    assert not items["sentence"].duplicated().any()


@pytest.mark.parametrize("name", SETS)
def test_each_half_is_grammatical_and_the_target_is_its_region(name: str) -> None:
    items = items_of(name)
    assert Counter(items["grammaticality"]) == dict.fromkeys(("grammatical", "ungrammatical"), len(items) // 2)
    own = {"agreement-attraction": "verb", "reflexives": "reflexive", "filler-gap": "critical", "case-ja": "verb"}[name]
    starts = items.apply(lambda row: next(r.start for r in parse_regions(row["regions"]) if r.name == own), axis=1)
    assert (starts == items["start"]).all()
    assert (regions(items, own) == items["target"]).all()


@pytest.mark.parametrize("name", ["agreement-attraction", "reflexives"])
def test_a_pair_differs_in_its_target_only(name: str) -> None:
    items = items_of(name)
    items = items.assign(
        before=[text[:start] for text, start in zip(items["sentence"], items["start"], strict=True)],
        after=regions(items, "rest"),
    )
    pairs = items.groupby(["item", "before", "after"])
    assert set(pairs.size()) == {2}
    assert set(pairs["target"].nunique()) == {2}
    assert set(pairs["grammaticality"].nunique()) == {2}


def test_number_is_balanced_within_each_item_of_agreement() -> None:
    items = items_of("agreement-attraction")
    for _, rows in items.groupby("item"):
        for name in ("subject", "attractor"):
            assert set(Counter(regions(rows, name)).values()) == {4}
        good = rows[rows["grammaticality"] == "grammatical"]
        bad = rows[rows["grammaticality"] == "ungrammatical"]
        assert Counter(good["target"]) == Counter(bad["target"])
        assert set(Counter(good["target"]).values()) == {2}
    assert set(Counter(items["structure"]).values()) == {12 * 8}


def test_reflexives_are_right_as_often_as_wrong_for_each_gender() -> None:
    items = items_of("reflexives")
    gender = items[items["feature"] == "gender"]
    counted = gender.groupby(["target", "grammaticality"]).size()
    assert len(counted) == 4
    assert set(counted) == {16}


def test_filler_and_gap_change_nothing_else() -> None:
    items = items_of("filler-gap")
    for _, rows in items.groupby(["item", "gap"]):
        assert rows["target"].nunique() == 1
        assert rows["sentence"].nunique() == 2
        assert rows["sentence"].str.split().str.len().nunique() == 1
    fit = (items["filler"] == "wh") == (items["gap"] == "gap")
    assert (fit == (items["grammaticality"] == "grammatical")).all()


def test_japanese_items_have_both_orders_and_each_particle_equally() -> None:
    items = items_of("case-ja")
    assert items.groupby("item")["target"].nunique().max() == 1
    assert items["sentence"].str.len().groupby(items["item"]).nunique().max() == 1
    counted = items.assign(case=regions(items, "case")).groupby(["case", "grammaticality", "order"]).size()
    assert set(counted) == {12}
    first = items["regions"].map(lambda text: parse_regions(text)[0].name)
    assert (first == items["order"].map({"canonical": "subject", "scrambled": "object"})).all()
