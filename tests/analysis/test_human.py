"""Human norms in a run's analysis: calibration, noise ceiling and responses, each against its own function."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import psylm
from psylm.common.study import Study
from psylm.reporting.analyses import tables_of, write_figures, write_tables
from psylm.runs.run import Run
from psylm.stats.conditions.frames import frame_preferences
from psylm.stats.human.agreement import human_agreement
from psylm.stats.human.respondents import cloze_calibration, noise_ceilings
from psylm.stats.inference.calibration import calibration
from psylm.stats.inference.ceiling import split_half
from psylm.stats.inference.responses import response_distance
from tests.experiment.test_runner import EXPERIMENT
from tests.stimuli.test_stimuli import CARD, write

pytestmark = pytest.mark.slow


HUMAN = {"cloze": "share of people who wrote it (probability)", "responses": "number of people who wrote it (count)"}


@pytest.fixture(scope="module")
def run(tmp_path_factory, causal_folder) -> Run:
    """Twelve items, each answered by ten subjects, scored by the tiny model."""
    folder = tmp_path_factory.mktemp("norms")
    random = np.random.default_rng(1)
    rows, human = (
        [["item", "fit", "sentence", "target"]],
        [["item", "condition", "measure", "value", "subject", "response"]],
    )
    for number in range(12):
        share = random.uniform(0.1, 0.9)
        for fit, word in (("fitting", "soups"), ("odd", "tables")):
            rows.append([str(number), fit, f"The cook tasted {number} {word}.", word])
            chosen = random.random(10) < (share if fit == "fitting" else 0.05)
            human += [[str(number), fit, "cloze", str(int(one)), f"s{place}", ""] for place, one in enumerate(chosen)]
        human += [
            [str(number), "fitting", "responses", "6", "", " Soups"],
            [str(number), "fitting", "responses", "4", "", "tea"],
        ]
    lines = "".join(f"  {name}: {meaning}\n" for name, meaning in HUMAN.items())
    write(folder, rows, f"{CARD}human:\n{lines}", human)
    (folder / "experiments").mkdir()
    text = EXPERIMENT.format(model=f"file:{causal_folder}") + "analysis: [cloze]\n"
    (folder / "experiments" / "trial.yaml").write_text(text)
    study = Study(folder)
    run = psylm.run("trial", study=study, output=folder / "run", analyse=False)
    write_tables(run, study.analysis_module)
    write_figures(run, study.analysis_module)
    return run


def test_the_run_has_the_tables_of_its_norms(run):
    tables = run.tables()
    human = run.human("small")
    agreement = tables["cloze-human"].set_index(["coefficient", "measure"])
    cloze = run.results.query("measure == 'cloze' and region == 'target'").set_index(["item", "condition"])["value"]
    people = human[human["measure"] == "cloze"].groupby(["item", "condition"])["value"].mean()
    both = pd.concat([cloze.astype(float), people], axis=1, join="inner", keys=["model", "human"])
    expected = stats.kendalltau(both["model"], both["human"]).statistic
    assert agreement.loc[("kendall", "cloze"), "estimate"] == pytest.approx(expected) and len(both) == 24
    alone = calibration(both["model"], both["human"], 10, seed=7).table
    assert tables["cloze-calibration"]["estimate"].tolist() == pytest.approx(alone["estimate"].tolist(), nan_ok=True)
    assert tables["cloze-calibration-curve"]["n"].sum() == 24
    ceiling = tables["cloze-ceiling"].iloc[0]
    subjects = human[human["subject"] != ""]
    assert ceiling["estimate"] == pytest.approx(split_half(subjects, items=["item", "condition"], seed=7).estimate)
    assert (ceiling["subjects"], ceiling["splits"], ceiling["n"]) == (10, 126, 24)


def test_the_run_compares_completions_with_what_people_wrote(run):
    row = run.tables()["cloze-responses"].set_index("coefficient").loc["mean"]
    found = run.results[run.results["region"] == "completion"]
    model = found.rename(columns={"word": "response", "value": "probability"})
    wrote = [(str(item), "fitting", *answer) for item in range(12) for answer in (("soups", 6), ("tea", 4))]
    people = pd.DataFrame(wrote, columns=["item", "condition", "response", "count"])
    alone = response_distance(model, people, keys=["item", "condition"])
    assert row["estimate"] == pytest.approx(alone.estimate) and row["n"] == 12 and 0 < row["low"] <= row["high"] <= 1


def test_the_run_draws_the_calibration_and_says_what_was_found(run):
    assert list((run.path / "figures").glob("cloze-calibration-small-*.png"))
    module = Study(run.path.parent).analysis_module("cloze")
    ((_, sentences),) = module.summary(run, tables_of(run, "cloze")).items()
    said = " ".join(sentences)
    assert "Split-half reliability of cloze (10 subjects, 126 splits, Spearman-Brown) was" in said
    assert "The expected calibration error was ." in said
    assert "Jensen-Shannon distance to people's responses was, on average over items, M = " in said


def test_respondents_come_from_the_column_n():
    random = np.random.default_rng(2)
    p = random.uniform(0.05, 0.95, 50)
    measured = pd.DataFrame(
        {"item": [str(i) for i in range(50)], "cloze": p, "human_cloze": random.binomial(20, p) / 20}
    )
    human = measured.rename(columns={"human_cloze": "value"}).assign(measure="cloze", condition="", n="20")
    found = cloze_calibration(measured, human, {}, seed=1).table["estimate"].tolist()
    assert found == calibration(p, measured["human_cloze"], 20, seed=1).table["estimate"].tolist()
    without = cloze_calibration(measured, human.drop(columns="n"), {}, seed=1).table["estimate"].tolist()
    assert without == calibration(p, measured["human_cloze"], seed=1).table["estimate"].tolist() != found
    assert list(noise_ceilings(human, {}, seed=1)) == []


def test_entropies_of_model_and_people_are_correlated():
    random = np.random.default_rng(3)
    data = pd.DataFrame({"cloze": random.random(30), "surprisal": random.random(30), "entropy": random.random(30)})
    (row,) = human_agreement(data.assign(human_entropy=data["entropy"] ** 2), seed=1)
    assert (row["measure"], row["estimate"]) == ("entropy", pytest.approx(1))


def test_a_preference_is_counted_by_frames():
    trials = pd.DataFrame(
        [("1", "fitting", 0.5), ("1", "odd", 0.1), ("2", "fitting", 0.2), ("2", "odd", 0.3)],
        columns=["item", "fit", "cloze"],
    )
    card = {"factors": {"fit": ["fitting", "odd"]}, "between": [], "published": []}
    (row,) = frame_preferences(trials, card)
    assert (row["measure"], row["estimate"], row["n"]) == ("fitting above odd", 0.5, 2)
    assert list(frame_preferences(trials, card | {"between": ["fit"]})) == []
