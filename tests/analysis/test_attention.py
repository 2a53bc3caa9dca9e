"""The attention analysis on a made-up run in which one head selects, and that of another one predicts the margin."""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats

from psylm.common.study import Study
from psylm.reporting.analyses import tables_of, write_figures, write_tables
from psylm.runs.arrays import TrialArrays, write_arrays
from psylm.runs.run import Run
from psylm.stats.attention.linking import covariances, links, mediated
from tests.analysis.test_dependencies import made_sentences, surprisals, write_run

pytestmark = pytest.mark.slow


LOAD = Study(None).analysis_module
LAYERS, HEADS = 3, 4
MODEL, TWIN = "file:a", "file:a#random=1"


def attended(sentences: pd.DataFrame, trained: bool, seed: int) -> np.ndarray:
    """Selectivity by head: noise; in the trained model head 1.2 is at .6, and head 2.0 follows the margin."""
    rng = np.random.default_rng(seed)
    pair = sentences.groupby(["item", "number", "attractor"], sort=False).ngroup().to_numpy()
    values = rng.normal(0, 0.2, (pair.max() + 1, LAYERS, HEADS))
    if trained:
        values[:, 1, 2] += 0.6
        margin = sentences["margin"].groupby(pair).first()
        cell = sentences["condition"].str.rpartition("/")[0].groupby(pair).first()
        values[:, 2, 0] += 4 * (margin - margin.groupby(cell).transform("mean")).to_numpy()
    return values[pair]


def write(folder: Path, items: int, kinds: tuple[str, ...] = ("", "_rollout"), arrays: bool = True) -> Run:
    sentences = made_sentences(items)
    scores, looked = {}, {}
    for model in (MODEL, TWIN):
        looked[model] = attended(sentences, model == MODEL, seed=len(model))
        values = looked[model].mean((1, 2))
        rows = [surprisals(sentences)]
        for kind in kinds:
            noisy = values if kind == "" else values + np.random.default_rng(5).normal(0, 0.01, len(values))
            named = sentences[["item", "condition"]].assign(measure=f"attention_selectivity{kind}", region="verb")
            rows.append(named.assign(value=noisy))
        scores[model] = pd.concat(rows)
    run, writer = write_run(folder, scores, sentences.drop(columns=["surprisal", "margin"]), ["attention"])
    if arrays:
        trials = sentences[["item", "condition"]].assign(trial=range(len(sentences)))
        for number, (model, values) in enumerate(looked.items()):
            content = {"attention_selectivity": dict(enumerate(values.astype(np.float32)))}
            write_arrays(writer.path / "arrays" / f"{number}.safetensors", TrialArrays(model, "made", trials, content))
    return run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = write(tmp_path_factory.mktemp("runs") / "made", 30)
    write_tables(run, LOAD)
    return run


@pytest.fixture(scope="module")
def tables(run: Run) -> dict[str, pd.DataFrame]:
    return {name: rows[rows["model"] == MODEL] for name, rows in tables_of(run, "attention").items()}


def test_the_head_that_selects_is_found_on_other_items(tables: dict[str, pd.DataFrame]) -> None:
    best = tables["selectivity"].query("heads == 'best'").iloc[0]
    assert (best["best_layer"], best["best_head"]) == (1, 2)
    assert best["agreement"] == 1
    assert best["estimate"] == pytest.approx(0.6, abs=0.06)
    heads = tables["heads"].set_index(["layer", "head"])
    assert heads.loc[(1, 2), "p_max"] < 0.01
    assert len(heads) == LAYERS * HEADS


def test_the_head_that_predicts_is_found_within_conditions(tables: dict[str, pd.DataFrame]) -> None:
    heads = tables["heads"].set_index(["layer", "head"])
    assert heads["link"].idxmax() == heads["link_p_max"].idxmin() == (2, 0)
    assert heads.loc[(2, 0), "link_p_max"] < 0.001
    assert (heads["link_p_max"] > 0.01).sum() == LAYERS * HEADS - 1
    links = tables["links"].set_index(["predictor", "differences"])
    within = links.loc[("weights, all heads", "within conditions")]
    assert within["p_holm"] < 0.05
    assert within["estimate"] > 0
    assert links.loc[("weights, best head", "within conditions"), "p_holm"] > 0.05


def test_the_layer_of_random_weights_and_the_controls_are_there(run: Run, tables: dict[str, pd.DataFrame]) -> None:
    control = tables["controls"].set_index("control").loc["random weights, seed 1"]
    by_model = tables_of(run, "attention")["selectivity"].query("kind == 'weights' and heads == 'all'")
    own, twin = by_model["estimate"]
    assert control["estimate"] == pytest.approx(own - twin)
    assert control["mean"] == pytest.approx(twin)
    layers = tables["layers"].set_index("layer")
    assert layers.loc[1, "low"] > 0.05 > layers.loc[0, "low"]


def test_kinds_are_correlated_over_items(tables: dict[str, pd.DataFrame]) -> None:
    (row,) = tables["kinds"].to_dict("records")
    assert (row["kind"], row["with"], row["n"]) == ("weights", "rollout", 30)
    assert row["estimate"] > 0.9
    mediation = tables["mediation"].query("factor == 'attractor'").set_index("predictor")
    assert mediation.loc["weights", "total"] == pytest.approx(2, abs=0.1)
    assert (mediation["low"] < 0.05).all()


def test_the_summary_says_where_attention_does_not_predict(run: Run) -> None:
    about = " ".join(LOAD("attention").summary(run, tables_of(run, "attention"))[f"{MODEL} on made"])
    assert "most often 1.2, in 100% of folds) favoured the target: selectivity .6" in about
    assert "did not predict the margin item by item" in about
    assert "the clearest link was that of head 2.0, r = .8" in about


def test_figures_are_drawn_for_trained_models(run: Run) -> None:
    write_figures(run, LOAD)
    captions = json.loads((run.path / "figures" / "captions.json").read_text())
    assert sorted(captions) == [f"attention-{name}-file-a-made" for name in ("heads", "kinds", "layers", "margin")]
    for stem, caption in captions.items():
        assert "n = 30 items" in caption
        assert "95%" in caption
        assert matplotlib.image.imread(run.path / "figures" / f"{stem}.png")[..., :3].std() > 0.01


@pytest.mark.parametrize(("items", "arrays"), [(1, True), (4, True), (6, False)])
def test_small_runs_and_runs_without_arrays_are_reported(tmp_path: Path, items: int, arrays: bool) -> None:
    run = write(tmp_path / "r", items, kinds=("",), arrays=arrays)
    assert write_tables(run, LOAD)
    write_figures(run, LOAD)
    assert LOAD("attention").summary(run, tables_of(run, "attention"))


def test_links_are_those_of_least_squares_where_items_do_not_differ() -> None:
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"item": np.repeat(np.arange(60), 2).astype(str), "a": ["x", "y"] * 60})
    data["look"] = rng.normal(size=120)
    data["margin"] = 0.5 * data["look"] + 2 * (data["a"] == "x") + np.tile([0.4, -0.4], 60) * rng.normal(size=120)
    _, within = links(data, "margin", {"look": "look"}, cells=["a"])
    theirs = smf.ols("margin ~ look + a", data).fit()
    assert within["estimate"] == pytest.approx(theirs.params["look"] * data["look"].std(), rel=0.1)
    assert within["n"] == 120
    assert within["items"] == 60


def test_covariances_average_to_the_pooled_correlation() -> None:
    rng = np.random.default_rng(7)
    values, response, cells = rng.normal(size=(50, 2, 3)), rng.normal(size=50), ["a"] * 25 + ["b"] * 25
    values[0, 0, 0] = np.nan
    mean = np.nanmean(covariances(values, response, cells), 0)
    by_hand = [stats.pearsonr(values[rows, 1, 2], response[rows]).statistic for rows in (slice(25), slice(25, None))]
    assert mean[1, 2] == pytest.approx(np.mean(by_hand))
    assert np.isfinite(mean[0, 0])


def test_the_indirect_effect_is_that_of_the_path_it_was_made_by() -> None:
    rng = np.random.default_rng(9)
    data = pd.DataFrame({"item": np.repeat(np.arange(400), 2), "a": ["x", "y"] * 400})
    data["look"] = 0.5 * (data["a"] == "x") + rng.normal(size=800)
    data["idle"] = rng.normal(size=800)
    data["margin"] = 3 * data["look"] + 2 * (data["a"] == "x") + rng.normal(0, 0.5, size=800)
    found = mediated(data, "margin", "look", "a", ("x", "y"), data["a"].tolist())
    assert found["low"] < 1.5 < found["high"]
    assert found["total"] - found["estimate"] == pytest.approx(2, abs=0.15)
    slope = smf.ols("margin ~ look + a", data).fit().params["look"]
    moved = data.pivot(index="item", columns="a", values="look")
    assert found["estimate"] == pytest.approx(slope * (moved["x"] - moved["y"]).mean())
    idle = mediated(data, "margin", "idle", "a", ("x", "y"), data["a"].tolist())
    assert idle["low"] < 0 < idle["high"]
