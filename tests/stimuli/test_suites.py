"""Published suites, their predictions, and the analyses of suites and minimal pairs."""

from __future__ import annotations

import json
import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import psylm
from psylm.common.errors import InputError
from psylm.common.study import Study
from psylm.reporting.analyses import write_figures, write_tables
from psylm.runs.run import Run
from psylm.stimuli.predictions import evaluate, parse, places
from psylm.stimuli.readers.blimp import blimp
from psylm.stimuli.readers.syntaxgym import syntaxgym
from psylm.stimuli.regions import parse_regions

pytestmark = pytest.mark.slow


SUITE = {
    "meta": {"name": "toy", "metric": "sum"},
    "region_meta": {"1": "subject", "2": "comma", "3": "verb"},
    "predictions": [
        {"type": "formula", "formula": "(3;%match%)  <  (3;%mismatch%)"},
        {"type": "formula", "formula": "[(*;%match%) < (*;%mismatch%)] & [(2;%match%) - (2;%mismatch%) < 5]"},
    ],
    "items": [
        {
            "item_number": number,
            "conditions": [
                {"condition_name": name, "regions": [
                    {"region_number": 1, "content": f"The {noun}"}, {"region_number": 2, "content": comma},
                    {"region_number": 3, "content": " tasted soup"}]}
                for name, noun, comma in (("match", first, ""), ("mismatch", second, ","))
            ],
        }
        for number, (first, second) in enumerate([("cook", "cat"), ("woman", "window")], start=1)
    ],
}  # fmt: skip


@pytest.fixture
def suite(tmp_path):
    file = tmp_path / "toy.json"
    file.write_text(json.dumps(SUITE))
    return file


def test_a_suite_is_read_unchanged(suite):
    items, _ = syntaxgym([suite])
    assert items["sentence"].tolist()[:2] == ["The cook tasted soup", "The cat, tasted soup"]
    regions = parse_regions(items["regions"].iloc[1])
    sentence = items["sentence"].iloc[1]
    assert [sentence[region.start : region.end] for region in regions] == ["The cat", ",", "tasted soup"]
    empty = parse_regions(items["regions"].iloc[0])[1]
    assert empty.start == empty.end
    assert len(json.loads(items["predictions"].iloc[0])) == 2


def test_a_prediction_about_what_is_not_there_is_told(suite):
    broken = SUITE | {"predictions": [{"type": "formula", "formula": "(9;%match%) < (3;%other%)"}]}
    suite.write_text(json.dumps(broken))
    with pytest.raises(InputError, match=r"region 3 of condition 'other'") as error:
        syntaxgym([suite])
    assert "region 9 of condition 'match'" in str(error.value)
    suite.write_text('{"items": []}')
    with pytest.raises(InputError, match=r"toy.json.*expected a SyntaxGym suite"):
        syntaxgym([suite])


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("(1;%a%) < ", "expected a surprisal or a number"),
        ("(1;%a%) < __import__('os')", "expected a surprisal"),
        ("[(1;%a%) < (1;%b%)", r"expected '\]'"),
        ("(1;%a%) + (1;%b%)", "expected a comparison"),
        ("(1;%a%) & (1;%b%)", "expected comparisons"),
        ("[(1;%a%) < (1;%b%)] + 1 > 0", "expected numbers"),
        ("(1;%a%) < (1;%b%) )", "expected an operator"),
    ],
)
def test_a_formula_that_is_none_is_told(formula, expected):
    with pytest.raises(InputError, match=expected):
        parse(formula)


numbers = st.recursive(
    st.one_of(
        st.integers(0, 9).map(str),
        st.tuples(st.integers(1, 3), st.sampled_from("ab")).map(lambda p: f"({p[0]};%{p[1]}%)"),
    ),
    lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda t: f"[{t[0]} {t[1]} {t[2]}]"),
    max_leaves=6,
)
comparisons = st.tuples(numbers, st.sampled_from("<>="), numbers).map(lambda t: f"({t[0]} {t[1]} {t[2]})")
truths = st.recursive(
    comparisons,
    lambda inner: st.tuples(inner, st.sampled_from("&|"), inner).map(lambda t: f"[{t[0]}{t[1]}{t[2]}]"),
    max_leaves=4,
)


@given(truths, st.lists(st.integers(0, 20), min_size=6, max_size=6))
def test_a_formula_is_worth_what_python_says(formula, values):
    """The same formula, written in Python's own signs, gives the same."""
    surprisals = {
        (str(region), name): values[3 * "ab".index(name) + region - 1] for region in (1, 2, 3) for name in "ab"
    }
    theirs = formula.replace("=", "==").replace("[", "(").replace("]", ")")
    for (region, name), value in surprisals.items():
        theirs = theirs.replace(f"({region};%{name}%)", str(value))
    assert bool(evaluate(parse(formula), surprisals)) == eval(theirs, {"__builtins__": {}})
    assert set(places(parse(formula))) <= set(surprisals)


def test_operators_bind_as_in_arithmetic():
    assert evaluate(parse("2 + 3 * 2 = 8 & 1 < 2 | 1 > 2"), {}) is True
    assert evaluate(parse("9 - 3 - 2 = 4"), {}) is True


def write_study(folder, suite, model):
    target = folder / "stimuli" / "toy"
    target.mkdir(parents=True)
    import hashlib

    target.joinpath("card.yaml").write_text(
        "name: toy\ntitle: Toy\nversion: 1.0.0\nlanguage: en\nparadigm: syntaxgym\nlicence: none\ncitation: none\n"
        "description: toy\ncolumns:\n  item: number\n  condition: condition\n  sentence: text\n"
        "factors:\n  condition: [match, mismatch]\nreader: syntaxgym\nsources:\n"
        f"  - url: https://example.org/toy.json\n    sha256: {hashlib.sha256(suite.read_bytes()).hexdigest()}\n"
        "    file: toy.json\n"
    )
    (folder / "experiments").mkdir()
    (folder / "experiments" / "toy.yaml").write_text(
        f"name: toy\nstimuli: [toy]\nmodels: ['file:{model}']\nmeasures:\n  - surprisal: {{units: [region]}}\n"
        "analysis: [suites]\n"
    )


def test_accuracy_is_the_share_of_items_whose_surprisals_fulfil_the_prediction(
    suite, tmp_path, causal_folder, monkeypatch
):
    study_folder = tmp_path / "study"
    study_folder.mkdir()
    write_study(study_folder, suite, causal_folder)
    monkeypatch.chdir(study_folder)
    monkeypatch.setenv("PSYLM_DATA", str(suite.parent))
    study = Study(study_folder)
    run = psylm.run("toy", study=study, analyse=False)
    write_tables(run, study.analysis_module)
    accuracy = run.tables()["suites-predictions"]
    results = run.results.set_index(["item", "condition", "region"])["value"]
    by_hand = [results[item, "match", "3"] < results[item, "mismatch", "3"] for item in ("1", "2")]
    assert accuracy["estimate"][0] == sum(by_hand) / 2 and accuracy["n"].tolist() == [2, 2]
    total = {
        (item, condition): sum(results[item, condition, region] for region in "123")
        for item in ("1", "2") for condition in ("match", "mismatch")
    }  # fmt: skip
    both = [
        total[item, "match"] < total[item, "mismatch"]
        and results[item, "match", "2"] - results[item, "mismatch", "2"] < 5
        for item in ("1", "2")
    ]
    assert accuracy["estimate"][1] == sum(both) / 2
    assert {path.suffix for path in write_figures(run, study.analysis_module)} == {".png", ".pdf", ".svg"}


PAIRS = [
    {"sentence_good": "The keys are here.", "sentence_bad": "The keys is here.", "one_prefix_prefix": "The keys",
     "one_prefix_word_good": "are", "one_prefix_word_bad": "is", "one_prefix_method": True, "two_prefix_method": False,
     "linguistics_term": "agreement", "field": "morphology", "pairID": "0"},
    {"sentence_good": "No cat ever sang.", "sentence_bad": "Some cat ever sang.", "two_prefix_prefix_good": "No cat",
     "two_prefix_prefix_bad": "Some cat", "two_prefix_word": "ever", "one_prefix_method": False,
     "two_prefix_method": True, "linguistics_term": "npi", "field": "semantics", "pairID": "1"},
]  # fmt: skip


def test_blimp_is_read_with_the_word_that_decides(tmp_path):
    file = tmp_path / "pairs.jsonl"
    file.write_text("\n".join(json.dumps(pair) for pair in PAIRS))
    items, _ = blimp([file])
    assert items["acceptability"].tolist() == ["good", "bad"] * 2
    assert items["target"].tolist() == ["are", "is", "ever", "ever"]
    assert [
        s[int(a) : int(a) + len(t)] for s, a, t in zip(items["sentence"], items["start"], items["target"], strict=True)
    ] == items["target"].tolist()
    file.write_text(json.dumps(PAIRS[0]) + "\n{broken")
    with pytest.raises(InputError, match=r"pairs\.jsonl: line 2"):
        blimp([file])


def test_accuracy_and_margin_of_minimal_pairs_are_those_of_the_scores(causal_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = Study(tmp_path)
    run = psylm.run(
        "minimal-pairs", study=study, models=[f"file:{causal_folder}"], limit=6,
        overrides=["measures.0=sentence_surprisal"], analyse=False
    )  # fmt: skip
    write_tables(run, study.analysis_module)
    table = run.tables()["minimal_pairs-accuracy"].set_index("method")
    assert {"whole sentence", "one prefix", "SLOR", "MeanLP"} <= set(table.index)
    results = Run(run.path).results
    bits = results[results["measure"] == "sentence_surprisal"].pivot(index="item", columns="condition", values="value")
    margin = bits["bad"] - bits["good"]
    assert table["estimate"]["whole sentence"] == (margin > 0).mean()
    assert table["margin"]["whole sentence"] == pytest.approx(margin.mean())
    lp = results[results["measure"] == "mean_lp"].pivot(index="item", columns="condition", values="value")
    assert table["margin"]["MeanLP"] == pytest.approx(((lp["good"] - lp["bad"]) / math.log(2)).mean())
    assert write_figures(run, study.analysis_module)


def test_a_tie_counts_half(causal_folder, tmp_path, monkeypatch):
    """A unigram model finds two orders of the same words equally probable."""
    stimuli = tmp_path / "stimuli" / "orders"
    stimuli.mkdir(parents=True)
    (stimuli / "items.csv").write_text(
        "item,acceptability,sentence\n1,good,the cat sleeps\n1,bad,cat sleeps the\n2,good,the cat\n2,bad,the flibbert\n"
    )
    (stimuli / "card.yaml").write_text(
        "name: orders\ntitle: Orders\nversion: 1.0.0\nlanguage: en\nparadigm: minimal pairs\n"
        "licence: none\ncitation: none\ndescription: orders\n"
        "columns:\n  item: number\n  acceptability: which\n  sentence: text\n"
        "factors:\n  acceptability: [good, bad]\n"
    )
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "orders.yaml").write_text(
        "name: orders\nstimuli: [orders]\nmodels: ['wordfreq:en']\nmeasures: [sentence_surprisal]\n"
        "analysis: [minimal_pairs]\n"
    )
    monkeypatch.chdir(tmp_path)
    study = Study(tmp_path)
    run = psylm.run("orders", study=study, analyse=False)
    write_tables(run, study.analysis_module)
    row = run.tables()["minimal_pairs-accuracy"].iloc[0]
    assert row["estimate"] == 0.75 and row["n"] == 2
    assert isinstance(run.tables()["minimal_pairs-phenomena"], pd.DataFrame)
