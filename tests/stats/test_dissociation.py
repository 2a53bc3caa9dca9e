"""Dose and response, double dissociation and simulated participants, on data whose answer is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import psylm
from psylm.common.errors import InputError
from psylm.common.study import Study
from psylm.figures.lesions import dissociation
from psylm.lesions.series import LesionSeries
from psylm.models.lesion_kinds import dose_of
from psylm.reporting.analyses import modules, tables_of, write_figures, write_tables
from psylm.stats.lesions.dissociation import (
    ResampledPerformance,
    choices,
    cube,
    dissociations,
    midway,
    performance,
    slopes,
)
from psylm.stats.lesions.participants import participants, subject_of

pytestmark = pytest.mark.slow


def hits(shares, items=200, draws=1, seed=0):
    """Hits of items at random, by (task, lesion), with a share for each."""
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        [
            {
                "task": task,
                "lesion": lesion,
                "seed": draw,
                "item": f"{task}{item}",
                "hit": float(random.random() < p),
            }
            for (task, lesion), p in shares.items()
            for draw in range(draws)
            for item in range(items)
        ]
    )


def test_performance_of_a_lesion_is_the_share_of_hits():
    data = hits({("a", "intact"): 0.9, ("a", "x=1"): 0.5}, items=40, draws=1)
    table = performance(cube(data), ResampledPerformance(cube(data), 1)).set_index("lesion")
    for lesion, rows in data.groupby("lesion"):
        share, n = rows["hit"].mean(), len(rows)
        assert table.loc[lesion, "estimate"] == share
        z = stats.norm.ppf(0.975)  # Wilson's interval by its formula
        centre, half = share + z**2 / (2 * n), z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
        assert table.loc[lesion, "low"] == pytest.approx((centre - half) / (1 + z**2 / n), abs=1e-9)
        assert table.loc[lesion, "high"] == pytest.approx((centre + half) / (1 + z**2 / n), abs=1e-9)


def test_the_interval_of_several_draws_knows_that_draws_differ():
    """Two draws of ten that fail altogether: over items alone there is no variance, over draws there is."""
    data = hits({("a", "x=1"): 1.1}, items=50, draws=10)
    data.loc[data["seed"] < 2, "hit"] = 0.0
    (row,) = performance(cube(data), ResampledPerformance(cube(data), 1)).to_dict("records")
    assert (row["estimate"], row["lowest"], row["highest"], row["draws"], row["n"]) == (0.8, 0.0, 1.0, 10, 50)
    # a resample of draws is binomial, its deviations scaled to the unbiased standard error
    bounds = 0.8 + np.sqrt(10 / 9) * (stats.binom.ppf([0.025, 0.975], 10, 0.8) / 10 - 0.8)
    assert (row["low"], row["high"]) == pytest.approx((bounds[0], 1.0), abs=0.01)  # no share is above 1


def test_an_item_without_a_value_leaves_its_task():
    data = hits({("a", "intact"): 0.5, ("a", "x=1"): 0.5}, items=10)
    data.loc[3, "hit"] = np.nan
    assert {array.shape for array in cube(data)["a"].values()} == {(1, 9)}


def test_slopes_are_those_of_least_squares():
    random = np.random.default_rng(3)
    doses = {"x": {"intact": 0.0, "x=1": 0.1, "x=2": 0.4}}
    values = {lesion: 0.8 - 1.5 * dose + random.normal(0, 0.1, (2, 30)) for lesion, dose in doses["x"].items()}
    (row,) = slopes({"a": values}, doses).to_dict("records")
    own = [
        stats.linregress([0.0, 0.1, 0.4], [values[lesion].mean(0)[item] for lesion in doses["x"]]).slope
        for item in range(30)
    ]
    test = stats.ttest_1samp(own, 0)
    assert (row["estimate"], row["t"], row["p"]) == pytest.approx((np.mean(own), test.statistic, test.pvalue))
    assert row["low"] < -1.5 < row["high"]


def test_a_crossover_is_found_and_mere_severity_is_none():
    crossed = {("a", "x"): 0.4, ("a", "y"): 0.8, ("b", "x"): 0.8, ("b", "y"): 0.4}
    severe = {("a", "x"): 0.4, ("a", "y"): 0.8, ("b", "x"): 0.7, ("b", "y"): 0.72}  # y spares both tasks
    for shares, expected in ((crossed, True), (severe, False)):
        data = cube(hits(shares))
        (row,) = dissociations(ResampledPerformance(data, 1), {"one": "x", "other": "y"}).to_dict("records")
        assert row["crossover"] is expected
        for effect, task in (("effect_a", "a"), ("effect_b", "b")):
            assert row[effect] == pytest.approx(data[task]["x"].mean() - data[task]["y"].mean())
        assert row["interaction"] == pytest.approx(row["effect_a"] - row["effect_b"])
        # the bootstrap's standard error, against that of differences within items
        errors = [np.var(data[task]["x"] - data[task]["y"], ddof=1) / 200 for task in ("a", "b")]
        assert row["z"] == pytest.approx(row["interaction"] / np.sqrt(sum(errors)), rel=0.05)
        assert row["p_holm"] == row["p"] < 0.05


def test_without_an_interaction_one_is_found_as_often_as_it_should_be():
    """Experiments whose lesions take from both tasks alike; draws differ, and are resampled too."""
    found, experiments = 0, 150
    for seed in range(experiments):
        random = np.random.default_rng(seed)
        severity = {lesion: random.normal(0, 0.05, 8) for lesion in ("x", "y")}  # of each draw, the same in both tasks
        data = {
            task: {
                lesion: (random.random((8, 60)) < level + severity[lesion][:, None]).astype(float)
                for lesion in ("x", "y")
            }
            for task, level in (("a", 0.5), ("b", 0.7))
        }
        weights = {(task, lesion): sign for (task, lesion), sign in zip(
            (("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")), (1, -1, -1, 1), strict=True)}  # fmt: skip
        _, below, above, _ = ResampledPerformance(data, seed, resamples=400).estimate(weights)
        found += not below < 0 < above
    low, high = stats.binom.ppf([0.001, 0.999], experiments, 0.05)
    assert low <= found <= high


def test_lesions_are_compared_where_they_are_midway():
    table = pd.DataFrame(
        [{"task": task, "lesion": lesion, "estimate": value}
         for lesion, values in (("intact", (1.0, 0.8)), ("x=1", (0.9, 0.8)), ("x=2", (0.8, 0.5)), ("y=1", (0.5, 0.4)))
         for task, value in zip("ab", values, strict=True)]
    )  # fmt: skip
    doses = {"x": {"intact": 0, "x=1": 1, "x=2": 2}, "y": {"intact": 0, "y=1": 1}}
    assert midway(table, doses, "intact", {"a": 0.5, "b": 0.3}) == {"x": "x=2", "y": "y=1"}


def test_the_best_alternative_is_chosen():
    trials = pd.DataFrame(
        [["1", "good", "", 2.0], ["1", "bad", "", 3.0], ["1", "worse", "", 4.0], ["2", "good", "p", 3.0],
         ["2", "bad", "p", 3.0], ["2", "good", "q", 4.0], ["2", "bad", "q", 3.0],
         ["3", "good", "", np.nan], ["3", "bad", "", 1.0]],
        columns=["item", "fit", "set", "value"],
    )  # fmt: skip
    lower = choices(trials, "fit", "good", "value", lower=True)
    assert lower.to_dict("list") == {"item": ["1", "2"], "hit": [1.0, 0.25]}
    higher = choices(trials, "fit", "good", "value", lower=False)
    assert higher["hit"].tolist() == [0.0, 0.75]


@pytest.mark.parametrize(
    ("fact", "dose"),
    [({"kind": "temperature", "strength": 4.0}, 2.0), ({"kind": "span", "strength": 4.0}, 0.25),
     ({"kind": "shuffle", "strength": 8.0}, 3.0), ({"kind": "noise", "strength": 0.5}, 0.5),
     ({"kind": "important-heads", "strength": 3.0, "heads": ["0.1", "0.2", "0.3"], "of": 12}, 0.25),
     ({"kind": "positions", "strength": None}, 1.0)],
)  # fmt: skip
def test_doses(fact, dose):
    assert dose_of(fact).dose == dose


@pytest.fixture(scope="module")
def run(causal_folder, tmp_path_factory):
    """A tiny run over lesions of a tiny model, on two tasks."""
    folder = tmp_path_factory.mktemp("study")
    for name, factor, levels in (("pairs", "acceptability", ["good", "bad"]), ("ends", "completion", ["best", "off"])):
        (folder / "stimuli" / name).mkdir(parents=True)
        (folder / "stimuli" / name / "card.yaml").write_text(
            f"name: {name}\ntitle: t\nversion: 1.0.0\nlanguage: en\nparadigm: p\nlicence: CC0-1.0\ncitation: c\n"
            f"description: d\ncolumns: {{item: i, {factor}: f, sentence: s, target: t}}\n"
            f"factors: {{{factor}: {levels}}}\n"
        )
        rows = [
            f"{item},{level},The {noun} tasted {word}.,{word}"
            for item, noun in enumerate(("cook", "cat", "woman", "keys", "window", "soup"))
            for level, word in zip(levels, ("salt", "songs"), strict=True)
        ]
        (folder / "stimuli" / name / "items.csv").write_text(
            "\n".join([f"item,{factor},sentence,target", *rows]) + "\n"
        )
    (folder / "experiments").mkdir()
    (folder / "experiments" / "tiny.yaml").write_text(
        f"name: tiny\nstimuli: [pairs, ends]\nmodels: ['file:{causal_folder}']\nmeasures: [surprisal]\n"
        "analysis: [lesions, participants]\nlesions:\n"
        "  - {kind: random-heads, strengths: [1, 2], seeds: 3}\n  - {kind: important-heads, strengths: [1, 2]}\n"
        "  - {kind: temperature, strengths: [0.5, 4]}\n  - {kind: thinned, strengths: [0.3], seeds: 3}\n"
    )
    return psylm.run("tiny", study=Study(folder), output=folder / "out", cache=False, analyse=False)


def test_a_run_over_lesions_is_analysed_from_start_to_end(run):
    study = Study(run.path.parent)
    write_tables(run, study.analysis_module)
    found = run.tables()
    table = found["lesions-performance"]
    assert set(table["task"]) == {"pairs", "ends"}
    assert set(table["name"]) == {
        "intact", "random heads", "important heads", "sharper attention", "flatter attention", "thinned network"
    }  # fmt: skip
    scores = run.results.assign(lesion=run.results["model"].str.partition("#")[2])
    mine = scores[(scores["lesion"] == "temperature=4.0") & (scores["stimuli"] == "pairs")].astype({"item": "string"})
    items = run.items("pairs").astype({"item": "string", "condition": "string"})
    named = mine.merge(items[["item", "condition", "acceptability"]], on=["item", "condition"])
    wide = named.pivot(index="item", columns="acceptability", values="value")
    share = ((wide["good"] < wide["bad"]) + (wide["good"] == wide["bad"]) / 2).mean()
    row = table[table["lesion"] == "temperature=4.0"]
    assert row[row["task"] == "pairs"]["estimate"].iloc[0] == share
    assert set(found["lesions-controls"]["heads"]) == {1, 2}
    assert (found["lesions-controls"]["draws"] == 3).all()
    assert len(found["lesions-dissociations"]) == 10  # of five kinds
    figures = write_figures(run, study.analysis_module)
    assert {path.stem.partition("-file")[0] for path in figures} >= {
        "lesions-dose-response", "lesions-controls", "lesions-dissociation", "participants-effects-pairs"
    }  # fmt: skip
    said = {name: module.summary(run, tables_of(run, name)) for name, module, _ in modules(run, study.analysis_module)}
    (text,) = said["lesions"].values()
    assert text[0].startswith("The intact model chose right in ")
    assert "10 comparisons" in " ".join(text)
    assert all("3 participants and 6 items" in " ".join(lines) for lines in said["participants"].values())


def test_participants_are_the_seeds_of_a_run(run):
    table = participants(run)
    by_group = table.groupby("group")["subject"].unique()
    assert {group.partition("#")[2]: sorted(subjects) for group, subjects in by_group.items()} == {
        "random-heads=1": ["1", "2", "3"], "random-heads=2": ["1", "2", "3"], "thinned=0.3": ["1", "2", "3"]
    }  # fmt: skip
    results = run.results
    table = table[table["stimuli"] == "pairs"]
    one = table[table["group"].str.endswith("thinned=0.3") & (table["subject"] == "2")]
    same = results[results["model"].str.endswith("thinned=0.3@2") & (results["stimuli"] == "pairs")]
    same = same[same["region"] == "target"]
    assert (
        one.set_index(["item", "condition"])["value"].to_dict()
        == same.set_index(["item", "condition"])["value"].to_dict()
    )
    assert set(one["acceptability"]) == {"good", "bad"}
    with pytest.raises(InputError, match="no two models that differ by a seed alone"):
        participants(type("Intact", (), {"path": "r", "manifest": {"models": {"m": {"lesion": None}}}})())


def test_a_learner_is_a_participant_and_so_is_its_lesion():
    training = {"model": "gpt", "seed": 3, "step": 100, "tokens": 5000}
    assert subject_of("scratch:runs/gpt-3@100", {"training": training, "lesion": None}) == ("gpt after 100 steps", "3")
    lesion = {"changes": "thinned=0.1@7", "facts": [{"kind": "thinned", "seed": 7}]}
    known = {"training": training, "lesion": lesion}
    assert subject_of("scratch:runs/gpt-3@100#thinned=0.1@7", known) == ("gpt after 100 steps#thinned=0.1", "3/7")
    heads = {"changes": "heads=0.1", "facts": [{"kind": "heads", "seed": None}]}
    assert subject_of("hub:gpt2#heads=0.1", {"lesion": heads}) is None
    random = {"changes": "random=4", "facts": [{"kind": "random", "seed": 4}]}
    assert subject_of("hub:gpt2#random=4", {"lesion": random}) == ("hub:gpt2#random=", "4")


def test_lesions_of_a_config_that_change_nothing_are_left_out():
    series = LesionSeries(kind="temperature", strengths=[0.5, 1, 1.0, 2])
    assert [str(change) for change in series.changes()] == ["temperature=0.5", "temperature=2.0"]
    series = LesionSeries(kind="random-heads", strengths=[0, 0.0, 3], seeds=[7, 9])
    assert [str(change) for change in series.changes()] == ["random-heads=3@7", "random-heads=3@9"]


def test_a_dissociation_is_drawn_with_its_tasks_side_by_side():
    table = pd.DataFrame(
        {"task": ["a", "b"] * 2, "name": ["x", "x", "y", "y"], "estimate": [0.4, 0.8, 0.8, 0.4],
         "low": [0.3, 0.7, 0.7, 0.3], "high": [0.5, 0.9, 0.9, 0.5]}
    )  # fmt: skip
    axes = dissociation(table)
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "b"]
    heights = [container.lines[0].get_ydata().tolist() for container in axes.containers]
    assert heights == [[0.4, 0.8], [0.8, 0.4]]
