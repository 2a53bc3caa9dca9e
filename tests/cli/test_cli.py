"""The command line: what it prints, and that a mistake ends with its place, status 2 and no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.experiment.test_runner import study

pytestmark = pytest.mark.slow


__all__ = ["study"]


def psylm(*words, cwd=None):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-m", "psylm", *words], capture_output=True, text=True, env=environment, cwd=cwd
    )


@pytest.fixture
def config(study):
    """Write the experiment with something changed, and return its path."""

    def write(before: str, after: str) -> str:
        text = Path("experiments/trial.yaml").read_text()
        assert before in text
        Path("experiments/broken.yaml").write_text(text.replace(before, after))
        return "experiments/broken.yaml"

    return write


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("seed: 7", "sead: 7", "broken.yaml, line 7, key sead: found a key that is not known here"),
        ("seed: 7", "seed: many", "line 7, key seed: found 'many'"),
        ("  - surprisal", "  - surprise", "line 6, key measures.1: found 'surprise'; expected one of acceptability"),
        ("top_k: 2", "top_k: 2000", "line 5, key measures.0.cloze.top_k: found 2000; expected less than or equal"),
        ("top_k: 2", "top_p: 2", "line 5, key measures.0.cloze.top_p: found a key that is not known here"),
        ("stimuli: [small]", "stimuli: [smal]", "stimulus set: found 'smal'; expected one of"),
        ("stimuli: [small]", "stimuli: []", "line 2, key stimuli: found []"),
        ('models: ["file:', 'models: ["files:', "a name of another form; expected embedded:NAME"),
        ("name: trial", "name: ../trial", "line 1, key name: found '../trial'"),
        ("stimuli: [small]", "stimuli: [small", "broken YAML"),
        (
            "seed: 7",
            "analysis: [clozes]",
            "analysis module: found 'clozes'; expected one of association, attention, cloze",
        ),
    ],
)
def test_a_broken_config_ends_with_its_place_and_status_2(config, before, after, told):
    result = psylm("run", config(before, after))
    assert result.returncode == 2 and told in result.stderr
    assert "Traceback" not in result.stderr and not Path("runs").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["run", "nothing"], "experiment: found 'nothing'"),
        (["run", "trial", "--set", "seed"], "--set seed: found no key=value"),
        (["run", "trial", "--set", "seed=x"], "--set seed: found 'x'"),
        (["run", "trial", "--set", "measures.entropy.x=1"], "--set measures.entropy.x=1: found 'entropy'"),
        (["run", "trial", "--models", "embedded:none"], "no embedded model of that name"),
        (
            ["run", "trial", "--output", "experiments/trial.yaml/run"],
            "trial.yaml/run: found Not a directory; expected a",
        ),
        (["run", "trial", "--output", "experiments/trial.yaml"], "not a psylm run; expected a new folder"),
        (["analyze", "nowhere"], "nowhere: found no manifest.json; expected the folder of a psylm run"),
        (["report", "experiments"], "experiments: found no manifest.json"),
        (["stimuli", "show", "nothing"], "stimulus set: found 'nothing'"),
        (["init", "experiments"], "experiments: found something that is there already"),
        (
            ["score", "--model", "hub:x", "--input", "no.txt", "--output", "o.csv", "--measure", "m"],
            "measure: found 'm'",
        ),
    ],
)
def test_a_wrong_word_ends_with_status_2(study, words, told):
    result = psylm(*words)
    assert result.returncode == 2 and told in result.stderr and "Traceback" not in result.stderr


def test_a_run_names_what_it_wrote(study):
    result = psylm("run", "trial", "--set", "analysis=[cloze]", "--output", "out")
    assert result.returncode == 0, result.stderr
    named = [line.split(maxsplit=1)[1] for line in result.stdout.splitlines()]
    assert {"out/results.parquet", "out/report.html", "out/analysis/cloze-contrasts.csv"} <= set(named)
    assert all(Path(name).stat().st_size > 0 for name in named)
    assert "24 of" not in result.stderr and "48 of 48 trials to score" in result.stderr


def test_score_writes_words_with_ids_from_0(study, causal_folder):
    Path("sentences.txt").write_text("The cook tasted the soup.\nTime flies.\n")
    asked = ["score", "--model", f"file:{causal_folder}", "--input", "sentences.txt", "--output", "s.csv"]
    result = psylm(*asked)
    assert result.returncode == 0, result.stderr
    table = pd.read_csv("s.csv")
    assert list(table.columns) == ["sentence_id", "word_id", "word", "value"]
    assert table["word"].tolist() == ["The", "cook", "tasted", "the", "soup.", "Time", "flies."]
    assert table["word_id"].tolist() == [0, 1, 2, 3, 4, 0, 1] and (table["value"] > 0).all()


def test_score_finds_the_words_of_each_sentence_in_its_own_script(study, causal_folder):
    Path("sentences.txt").write_text("The cook tasted the soup.\n猫が窓のそばで眠っている。\n")
    psylm("score", "--model", f"file:{causal_folder}", "--input", "sentences.txt", "--output", "s.csv")
    table = pd.read_csv("s.csv")
    japanese = ["猫", "が", "窓", "の", "そば", "で", "眠っ", "て", "いる", "。"]
    assert table["word"].tolist() == ["The", "cook", "tasted", "the", "soup.", *japanese]
    assert table["word_id"].tolist() == [*range(5), *range(10)]
    missing = table["value"].isna()  # words that share their only token with another
    assert (table["note"].notna() == missing).all() and (table["value"][~missing] > 0).all() and not missing.all()


def test_score_writes_sentences(study, masked_folder):
    pd.DataFrame({"sentence": ["the cat sang", "the cook"], "x": [1, 2]}).to_csv("s.csv", index=False)
    words = ["--model", f"file:{masked_folder}", "--input", "s.csv", "--output", "o.csv"]
    assert psylm("score", *words, "--measure", "pseudo_log_likelihood").returncode == 0
    table = pd.read_csv("o.csv")
    assert list(table.columns) == ["sentence_id", "sentence", "value"]
    assert table["sentence"].tolist() == ["the cat sang", "the cook"] and (table["value"] < 0).all()
    wrong = psylm("score", *words, "--measure", "sentence_surprisal")
    assert (
        wrong.returncode == 2
        and "expected a causal, ngram, permuted or recurrent model for sentence_surprisal" in wrong.stderr
    )


def test_an_empty_sentence_is_told_with_its_line(study, causal_folder):
    Path("s.txt").write_text("The cook.\n\nThe cat.\n")
    result = psylm("score", "--model", f"file:{causal_folder}", "--input", "s.txt", "--output", "o.csv")
    assert result.returncode == 2 and "s.txt: line 2: found an empty sentence" in result.stderr
    assert not Path("o.csv").exists()


def test_a_new_study_runs_at_once(tmp_path, causal_folder):
    assert psylm("init", "mine", cwd=tmp_path).returncode == 0
    mine = tmp_path / "mine"
    assert psylm("stimuli", "check", "example", cwd=mine).returncode == 0
    result = psylm("run", "example", "--models", f"file:{causal_folder}", cwd=mine)
    assert result.returncode == 0, result.stderr
    assert (mine / "runs/example/analysis/hits-hits.csv").is_file()
    assert (mine / "runs/example/report.html").is_file()


def test_a_new_set_passes_its_check(study):
    assert psylm("stimuli", "new", "mine").returncode == 0
    assert psylm("stimuli", "check", "mine").returncode == 0
    again = psylm("stimuli", "new", "mine")
    assert again.returncode == 2 and "there already" in again.stderr


def test_check_lists_every_problem_and_ends_with_2(study):
    items = Path("stimuli/small/items.csv")
    items.write_text(items.read_text().replace("0 soups.,soups", "0 soups.,soup").replace("1 tables.", "1  tables."))
    result = psylm("stimuli", "check", "small")
    assert result.returncode == 2
    assert "items.csv: 2 rows (2, 22), column target: found 'soup'" in result.stderr
    assert "column sentence: found two spaces in a row (2 times)" in result.stderr


def test_lists_show_what_there_is(study):
    sets = psylm("stimuli", "list").stdout
    assert "small" in sets and "cloze-constraint-ja" in sets and "devarda2024" in sets
    models = psylm("models").stdout
    assert "embedded:smollm2-135m" in models and "Apache-2.0" in models and "49,152" in models
    assert "embedded:psylm-mlm" in models  # in full, whatever the width
    assert psylm("--version").stdout.startswith("psylm 0.")
