"""Runs: complete, stopped, killed, resumed, repeated; nothing computed is lost, no row is there twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

import psylm
from psylm.common.errors import InputError, PsylmError
from psylm.common.study import Study
from psylm.experiment import plan, scorer
from psylm.runs.run import COLUMNS, held
from tests.stimuli.test_stimuli import CARD, write

pytestmark = pytest.mark.slow


EXPERIMENT = """\
name: trial
stimuli: [small]
models: ["{model}"]
measures:
  - cloze: {{top_k: 2}}
  - surprisal
seed: 7
"""


@pytest.fixture
def study(tmp_path, causal_folder, monkeypatch):
    """A study of twelve items on the tiny model, in parts of two trials."""
    rows = [["item", "fit", "sentence", "target"]]
    for number in range(12):
        rows.append([str(number), "fitting", f"The cook tasted {number} soups.", "soups"])
        rows.append([str(number), "odd", f"The cook tasted {number} tables.", "tables"])
    write(tmp_path, rows, CARD)
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "trial.yaml").write_text(EXPERIMENT.format(model=f"file:{causal_folder}"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plan, "PART_TRIALS", 2)
    return Study(tmp_path)


class Stop:
    """Stops a run, as Ctrl-C does, after some parts."""

    def __init__(self, parts: int) -> None:
        self.left = parts

    def begin(self, model: str, total: int, done: int) -> None:
        self.done = done

    def advance(self, trials: int) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def test_a_run_has_every_trial_once_in_the_users_order(study):
    results = psylm.run("trial", study=study, analyse=False).results
    assert list(results.columns) == COLUMNS
    surprisal = results[results["measure"] == "surprisal"]
    assert surprisal["item"].tolist() == [str(number) for number in range(12) for _ in range(2)]
    assert surprisal["word"].tolist() == ["soups", "tables"] * 12
    assert surprisal["word_id"].eq(4).all() and surprisal["region"].eq("target").all()
    assert not results.duplicated(["item", "condition", "region", "word_id", "measure"]).any()
    assert not Path("runs/trial/parts").exists()


def test_a_stopped_run_resumes_to_the_same_table(study):
    whole = psylm.run("trial", study=study, output="whole", analyse=False).results
    stop = Stop(5)
    with pytest.raises(KeyboardInterrupt):
        psylm.run("trial", study=study, output="stopped", progress=stop, analyse=False)
    assert len(list(Path("stopped/parts").glob("*.parquet"))) == 5
    assert json.loads(Path("stopped/manifest.json").read_text())["status"] == "running"
    again = Stop(-1)
    resumed = psylm.run("trial", study=study, output="stopped", progress=again, analyse=False).results
    assert again.done == 10, "what was computed is not computed again"
    pd.testing.assert_frame_equal(whole, resumed, atol=1e-5)


def test_a_killed_run_loses_at_most_the_part_under_way(study, causal_folder):
    """A real kill -9, while a process is scoring."""
    script = (
        "import time, psylm\nfrom psylm.experiment import plan\nplan.PART_TRIALS = 2\n"
        "class Slow:\n"
        "    def begin(self, *_): pass\n"
        "    def advance(self, _): print('part', flush=True); time.sleep(0.2)\n"
        "psylm.run('trial', output='killed', progress=Slow(), analyse=False)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    for _ in range(3):
        assert process.stdout.readline() == b"part\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert len(list(Path("killed/parts").glob("*.parquet"))) >= 3
    killed = psylm.run("trial", study=study, output="killed", analyse=False).results
    pd.testing.assert_frame_equal(
        psylm.run("trial", study=study, output="whole", analyse=False).results, killed, atol=1e-5
    )


def test_a_complete_run_is_not_computed_again(study):
    first = psylm.run("trial", study=study, analyse=False)
    before = (first.path / "results.parquet").stat().st_mtime_ns
    psylm.run("trial", study=study, analyse=False)
    assert (first.path / "results.parquet").stat().st_mtime_ns == before


def test_a_run_is_repeated_from_its_manifest(study):
    first = psylm.run("trial", study=study, overrides=["measures.cloze.top_k=1"], analyse=False)
    again = psylm.run("runs/trial/manifest.json", study=study, output="again", analyse=False)
    pd.testing.assert_frame_equal(first.results, again.results)
    assert again.manifest["experiment"] == first.manifest["experiment"]
    assert again.manifest["models"].keys() == first.manifest["models"].keys()


def test_a_manifest_is_not_repeated_on_other_items(study, tmp_path):
    psylm.run("trial", study=study, analyse=False)
    items = tmp_path / "stimuli" / "small" / "items.csv"
    items.write_text(items.read_text().replace("tables", "chairs"))
    with pytest.raises(PsylmError, match="items of small changed"):
        psylm.run("runs/trial/manifest.json", study=study, output="again", analyse=False)


def test_another_configuration_does_not_overwrite_a_run(study):
    first = psylm.run("trial", study=study, analyse=False)
    with pytest.raises(PsylmError, match=r"differs in seed.*--restart"):
        psylm.run("trial", study=study, overrides=["seed=8"], analyse=False)
    psylm.run("trial", study=study, overrides=["seed=8"], restart=True, analyse=False)
    assert psylm.Run("runs/trial").manifest["seed"] == 8
    assert psylm.Run("runs/trial.old-1").manifest["seed"] == first.manifest["seed"] == 7


def test_weights_that_change_in_the_middle_are_noticed(study, tmp_path, causal_folder):
    import shutil

    from safetensors.torch import load_file, save_file

    folder = tmp_path / "model"
    shutil.copytree(causal_folder, folder)
    with pytest.raises(KeyboardInterrupt):
        psylm.run("trial", study=study, models=[f"file:{folder}"], progress=Stop(2), analyse=False)
    weights = load_file(folder / "model.safetensors")
    save_file({name: weight * 1.01 for name, weight in weights.items()}, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(PsylmError, match="weights changed since the run began"):
        psylm.run("trial", study=study, models=[f"file:{folder}"], analyse=False)


def test_several_models_stand_in_one_table(study, causal_folder, masked_folder):
    names = [f"file:{causal_folder}", f"file:{masked_folder}"]
    run = psylm.run("trial", study=study, models=names, analyse=False)
    assert run.results["model"].unique().tolist() == names
    assert [run.manifest["models"][name]["family"] for name in names] == ["causal", "masked"]


def test_limit_takes_whole_items(study):
    run = psylm.run("trial", study=study, limit=3, analyse=False)
    assert run.path == Path("runs/trial-limit-3") and run.results["item"].nunique() == 3
    assert set(run.results["condition"]) == {"fitting", "odd"} and len(run.items("small")) == 6


def test_two_processes_do_not_write_to_one_run(study):

    with held(Path("runs/trial")), pytest.raises(PsylmError, match="another psylm process"):
        psylm.run("trial", study=study, analyse=False)


def test_a_folder_of_other_files_is_left_alone(study):
    Path("thesis").mkdir()
    Path("thesis/chapter.txt").write_text("words")
    with pytest.raises(InputError, match="not a psylm run"):
        psylm.run("trial", study=study, output="thesis", analyse=False)
    assert [path.name for path in Path("thesis").iterdir()] == ["chapter.txt"]


def test_wrong_items_stop_a_run_before_a_model_loads(study, tmp_path, monkeypatch):
    monkeypatch.setattr(scorer, "load_model", lambda *_, **__: pytest.fail("a model was loaded"))
    items = tmp_path / "stimuli" / "small" / "items.csv"
    items.write_text(items.read_text().replace("3 soups.,soups", "3 soups.,broths"))
    with pytest.raises(InputError, match="row 8, column target: found 'broths'"):
        psylm.run("trial", study=study, analyse=False)
    assert not Path("runs").exists(), "nothing is half written"


def test_parts_are_cut_between_frames_only():
    trials = pd.DataFrame(
        {"context": "", "sentence": ["A b.", "A c.", "A d.", "X y.", "X z."], "target": list("bcdyz"), "start": 2}
    )
    assert [chunk["target"].tolist() for chunk in plan.chunks(trials, 2)] == [["b", "c", "d"], ["y", "z"]]


def test_time_is_told(study):
    started = time.time()
    manifest = psylm.run("trial", study=study, analyse=False).manifest
    assert manifest["finished"] >= manifest["started"] and time.time() - started < 60
    assert manifest["versions"]["torch"] and manifest["machine"]["cores"] and manifest["stimuli"]["small"]["sha256"]
