"""Similarity of meaning from config to tables: ratings, preferences, corrections, associations."""

from __future__ import annotations

import json
import math
import os
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import psylm
from psylm.common.study import Study
from psylm.models.embedding import embed
from psylm.reporting.analyses import tables_of
from psylm.stats.similarity.association import association
from psylm.stats.similarity.geometry import all_but_the_top, anisotropy, whitening
from psylm.stats.similarity.overlap import overlap
from psylm.stats.similarity.preference import preference_table
from psylm.stimuli import check_stimuli, load_stimuli
from psylm.stimuli.readers.rated_pairs import rated_pairs, sick

pytestmark = pytest.mark.slow


RNG = np.random.default_rng(3)
VECTORS = RNG.normal(size=(60, 12)) @ RNG.normal(size=(12, 12)) + 4


def cosine(a, b):
    return a @ b / math.sqrt(a @ a * (b @ b))


def test_anisotropy_is_the_mean_cosine_of_all_pairs():
    expected = np.mean([cosine(a, b) for a, b in combinations(VECTORS, 2)])
    assert anisotropy(VECTORS) == pytest.approx(expected)


def test_all_but_the_top_against_scikit_learn():
    decomposition = pytest.importorskip("sklearn.decomposition")
    centred = VECTORS - VECTORS.mean(0)
    fitted = decomposition.PCA(2).fit(VECTORS)
    expected = centred - fitted.transform(VECTORS) @ fitted.components_
    np.testing.assert_allclose(all_but_the_top(VECTORS, 2)(VECTORS), expected, atol=1e-8)


def test_whitening_against_scikit_learn():
    decomposition = pytest.importorskip("sklearn.decomposition")
    expected = decomposition.PCA(5, whiten=True).fit_transform(VECTORS)
    ours = whitening(VECTORS, 5)(VECTORS)
    np.testing.assert_allclose(np.abs(ours), np.abs(expected), atol=1e-8)
    assert abs(anisotropy(ours)) < 0.05 < anisotropy(VECTORS)


def test_whitening_keeps_fewer_dimensions_than_texts():
    """With as many dimensions as texts, all cosines would be -1 / (n - 1)."""
    assert whitening(VECTORS)(VECTORS).shape == (60, 12)
    assert whitening(VECTORS[:20])(VECTORS).shape == (60, 5)


def test_an_association_by_hand():
    """Two targets and two attributes a set, cosines worked out one by one."""
    x, y = np.array([[1.0, 0.2], [1.0, 0.5]]), np.array([[0.1, 1.0], [0.4, 1.0]])
    a, b = np.array([[1.0, 0.0], [2.0, 0.5]]), np.array([[0.0, 1.0], [0.5, 3.0]])

    def s(w):
        return np.mean([cosine(w, v) for v in a]) - np.mean([cosine(w, v) for v in b])

    first, second = [s(w) for w in x], [s(w) for w in y]
    found = association(x, y, a, b, seed=1)
    assert found.estimate == pytest.approx((np.mean(first) - np.mean(second)) / np.std(first + second, ddof=1))
    # Of the six divisions of four targets, one is as large as that observed.
    assert found.p == pytest.approx(1 / 6, abs=0.02)


def test_an_association_of_noise_is_rarely_significant():
    """Under the null, p is uniform: its rate below .05 lies within the binomial interval of 200 tests."""
    rng = np.random.default_rng(5)
    p = [association(*rng.normal(size=(4, 8, 10)), seed=1, permutations=199).p for _ in range(200)]
    assert stats.binomtest(sum(one <= 0.05 for one in p), 200, 0.05).pvalue > 0.01


def test_preferences_by_hand():
    cells = [("1", "same", "high", 0.9), ("1", "same", "low", 0.5), ("1", "different", "high", 0.7),
             ("1", "different", "low", 0.5), ("2", "same", "high", 0.8), ("2", "same", "low", 0.9),
             ("2", "different", "high", 0.85), ("2", "different", "low", 0.1)]  # fmt: skip
    trials = pd.DataFrame(cells, columns=["item", "meaning", "overlap", "value"])
    factors = {"meaning": ["same", "different"], "overlap": ["high", "low"]}
    found = {row["comparison"]: row["estimate"] for row in preference_table(trials, factors, "value")}
    assert found == {
        "same, high above different, high": 0.5,
        "same, high above different, low": 1.0,
        "same, low above different, high": 0.5,
        "same, low above different, low": 0.75,  # a tie counts half
    }


EXPERIMENT = """\
name: meaning
stimuli: [{stimuli}]
models: ["file:{model}"]
measures: {measures}
analysis: [{analysis}]
seed: 1
"""


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Runs an experiment on built-in sets with a tiny model, and returns the run and an analysis module's output."""

    def make(model, stimuli, measures, *modules, limit=None):
        from psylm.reporting.analyses import write_figures, write_tables

        monkeypatch.chdir(tmp_path)
        (tmp_path / "experiments").mkdir()
        file = tmp_path / "experiments" / "meaning.yaml"
        file.write_text(EXPERIMENT.format(stimuli=stimuli, model=model, measures=measures, analysis=", ".join(modules)))
        study = Study(tmp_path)
        run = psylm.run(file, study=study, limit=limit, analyse=False)
        write_tables(run, study.analysis_module)
        write_figures(run, study.analysis_module)
        said = [study.analysis_module(name).summary(run, tables_of(run, name)) for name in modules]
        return run, run.tables(), said

    return make


def test_paraphrase_from_config_to_tables(made, encoder_folder):
    measures = (
        "[{similarity: {layer: [static, all], metric: [cosine, euclidean]}}, {embedding: {layer: [static, all]}}]"
    )
    run, tables, said = made(encoder_folder, "paraphrase", measures, "similarity", "geometry", limit=8)
    model = psylm.load_model(run.model_names[0], device="cpu")
    items = run.items("paraphrase")
    first = embed(model, list(items["context"]))[-1].astype(float)
    second = embed(model, list(items["sentence"]))[-1].astype(float)
    cosines = items.assign(value=[cosine(a, b) for a, b in zip(first, second, strict=True)])

    conditions = tables["similarity-conditions"]
    last = conditions[(conditions["layer"] == 2) & (conditions["measure"] == "similarity")].set_index("condition")
    expected = cosines.groupby("condition")["value"].mean()
    for condition, mean in expected.items():
        assert last["mean"][condition] == pytest.approx(mean, abs=1e-5)

    wide = cosines.pivot(index="item", columns="condition", values="value")
    hits = (wide["same/low"] > wide["different/high"]).mean()
    for name, query in (("similarity", "measure == 'similarity'"), ("geometry", "correction == 'none'")):
        rows = tables[f"{name}-preference"].query(f"layer == 2 and {query}").set_index("comparison")
        assert rows["estimate"]["same, low above different, high"] == pytest.approx(hits)

    difference = wide["same/high"] - wide["different/high"]
    contrasts = tables["similarity-contrasts"].query("measure == 'similarity'").set_index(["contrast", "at"])
    mine = contrasts.loc["same − different", "overlap high"]
    assert mine["p"] == pytest.approx(stats.ttest_1samp(difference, 0).pvalue, rel=1e-3)

    texts = list(dict.fromkeys([*items["context"], *items["sentence"]]))
    vectors = embed(model, texts)[-1]
    found = tables["geometry-anisotropy"].query("layer == 2").set_index("correction")["anisotropy"]
    assert found["none"] == pytest.approx(np.mean([cosine(a, b) for a, b in combinations(vectors, 2)]), abs=1e-4)
    assert abs(found["all-but-the-top"]) < 0.1
    assert (tables["geometry-rsa"]["n"] == len(texts)).all()
    assert set(tables["geometry-rsa"]["with"]) == {"word overlap", "the last layer"}
    assert "same, low above different, high in" in str(said[0])
    figures = {file.name for file in (run.path / "figures").glob("*.png")}
    assert len(figures) == 6 and any(name.startswith("geometry-matrix") for name in figures)


def test_distances_go_the_other_way(made, encoder_folder):
    """Of distances, the smaller one is the more similar pair."""
    run, tables, _ = made(
        encoder_folder, "negation", "[{similarity: {metric: [cosine, euclidean]}}]", "similarity", limit=6
    )
    results = run.results
    far = results[results["measure"] == "euclidean_distance"].pivot(index="item", columns="condition", values="value")
    rows = tables["similarity-preference"].query("measure == 'euclidean_distance'").set_index("comparison")["estimate"]
    nearer = (far["same/negated"] < far["different/negated"]).mean()
    assert 0 < nearer < 1 and rows["same, negated above different, negated"] == pytest.approx(nearer)


def test_priming_from_config_to_tables(made, causal_folder):
    measures = "[surprisal, {similarity: {layer: [static, all], pooling: last}}]"
    run, tables, said = made(causal_folder, "semantic-priming", measures, "priming", limit=10)
    results = run.results
    costs = results[results["measure"] == "surprisal"].pivot(index="item", columns="condition", values="value")
    effect = costs["unrelated"] - costs["related"]
    row = tables["priming-effects"].query("measure == 'surprisal'").iloc[0]
    assert row["estimate"] == pytest.approx(effect.mean())
    assert row["p"] == pytest.approx(stats.ttest_1samp(effect, 0).pvalue)
    assert row["items_helped"] == (effect > 0).mean()
    cosines = results[(results["measure"] == "similarity") & (results["word_id"] == 2)]
    wide = cosines.pivot(index="item", columns="condition", values="value")
    expected = stats.spearmanr(wide["related"] - wide["unrelated"], effect).statistic
    assert tables["priming-items"].query("layer == 2")["estimate"].item() == pytest.approx(expected)
    assert "of 10 targets" in said[0][f"{run.model_names[0]} on semantic-priming"][0]


def test_associations_from_config_to_tables(made, encoder_folder):
    measures = "[{embedding: {layer: [static, last]}}]"
    run, tables, said = made(encoder_folder, "association/flowers-insects", measures, "association")
    model = psylm.load_model(run.model_names[0], device="cpu")
    items = run.items("association/flowers-insects")
    vectors = embed(model, list(items["sentence"]))[-1]
    sets = [vectors[(items["category"] == level).to_numpy()] for level in items["category"].unique()]
    expected = association(*sets, seed=1)
    row = tables["association-tests"].query("layer == 2").iloc[0]
    assert row["estimate"] == pytest.approx(expected.estimate, abs=1e-4) and row["n"] == 32
    assert row["test"] == "flowers against insects: pleasant against unpleasant"
    assert "In the embedding matrix" in said[0][run.model_names[0]][1]


needs_data = pytest.mark.skipif(
    not (Path(os.environ.get("PSYLM_DATA", "")) / "jsts" / "valid-v1.3.json").is_file(),
    reason="PSYLM_DATA names no folder with jsts/valid-v1.3.json",
)


@needs_data
def test_jsts_is_read_as_published_and_compared_with_people(made, encoder_folder):
    stimuli = load_stimuli("jsts", Study(None))
    assert len(stimuli.items) == 1457 and stimuli.human["value"].between(0, 5).all()
    raw = json.loads((Path(os.environ["PSYLM_DATA"]) / "jsts" / "valid-v1.3.json").read_text().splitlines()[1])
    assert stimuli.items["context"].iloc[1] == raw["sentence1"] and stimuli.human["value"].iloc[1] == raw["label"]
    run, tables, _ = made(encoder_folder, "jsts", "[similarity]", "similarity", limit=60)
    ratings = run.human("jsts").set_index("item")["value"]
    mine = run.results.set_index("item")["value"]
    row = tables["similarity-human"].query("coefficient == 'spearman'").iloc[0]
    assert row["estimate"] == pytest.approx(stats.spearmanr(mine, ratings[mine.index]).statistic)
    assert row["low"] < row["estimate"] < row["high"] and row["n"] == 60


def test_sick_is_read_as_published(tmp_path):
    file = tmp_path / "sick.txt"
    file.write_bytes(
        b"pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment\r\n"
        b"6\tA cat sleeps\tNo cat is awake\t3.3\tNEUTRAL\r\n"
    )
    items, human = sick([file])
    assert items.iloc[0].tolist() == ["6", "A cat sleeps", "No cat is awake"]
    assert human.iloc[0].tolist() == ["6", "similarity", "3.3"]


def test_rated_pairs_are_read_with_commas_or_tabs(tmp_path):
    table, words = tmp_path / "pairs.csv", tmp_path / "words.txt"
    table.write_text('"A cat, asleep","NA  is  here",2.5\n猫が寝る。,犬が寝る。,1.0\n', encoding="utf-8")
    words.write_text("old\tnew\t1.58\n", encoding="utf-8")
    items, human = rated_pairs([table])
    assert items.to_numpy().tolist() == [["1", "A cat, asleep", "NA is here"], ["2", "猫が寝る。", "犬が寝る。"]]
    assert human["value"].tolist() == ["2.5", "1.0"]
    assert rated_pairs([words])[0].to_numpy().tolist() == [["1", "old", "new"]]


@pytest.mark.parametrize(
    "name",
    ["paraphrase", "role-reversal", "negation", "polysemy", "semantic-priming", "association/flowers-insects",
     "association/instruments-weapons"],
)  # fmt: skip
def test_built_in_sets_have_no_problems(name):
    folder = Path(__file__).parents[2] / "stimuli" / name
    assert check_stimuli(folder, name) == []


def test_priming_has_the_same_words_in_both_conditions():
    items = load_stimuli("semantic-priming", Study(None)).items
    primes = {level: sorted(rows["context"]) for level, rows in items.groupby("prime")}
    assert primes["related"] == primes["unrelated"] and len(primes["related"]) == 48


def test_overlap_is_matched_between_meanings():
    items = load_stimuli("paraphrase", Study(None)).items
    shares = items.assign(
        share=[overlap([a, b])[0, 1] for a, b in zip(items["context"], items["sentence"], strict=True)]
    )
    means = shares.groupby("condition")["share"].mean()
    assert abs(means["same/high"] - means["different/high"]) < 0.05 < 0.4 < means["same/high"]
    assert means["same/low"] < 0.05 and means["different/low"] < 0.05
