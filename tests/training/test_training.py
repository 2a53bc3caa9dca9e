"""Training: to low loss, killed and resumed, shared among processes; trained models as participants."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

import psylm
from psylm.cli.main import app
from psylm.common.errors import InputError, PsylmError
from psylm.common.progress import Silent
from psylm.common.study import Study
from psylm.measures import MEASURES
from psylm.measures.trials import sentence_trials
from psylm.models.checkpoints import load_checkpoint
from psylm.models.names import expanded
from psylm.scratch import GPT, Shape, Transformer
from psylm.scratch.objectives import CausalBatch
from psylm.scratch.transformer import PairBatch
from psylm.training.agreement_grammar import VERBS, agreeing, sentences
from psylm.training.corpus import Corpus
from psylm.training.schedule import make_optimiser, make_optimisers, rate

pytestmark = pytest.mark.slow


RECIPE = """\
name: small
corpus: {{grammar: 400}}
tokenizer: {{kind: {kind}, size: 400}}
models:
{models}
context: 16
batch: 4
steps: 12
warmup: 3
learning_rate: 3.0e-3
checkpoints: 3
save_every: 4
validate_every: 6
"""
ALL = "\n".join(
    f"  {name}: {{architecture: {name}, layers: 2, width: 16, heads: 2}}"
    for name in ("gpt", "bert", "roberta", "xlnet", "lstm", "elmo")
)


def make_study(folder: Path, models: str = ALL, kind: str = "word") -> Study:
    training = folder / "experiments" / "training"
    training.mkdir(parents=True)
    (training / "small.yaml").write_text(RECIPE.format(models=models, kind=kind))
    return Study(folder)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One small model of every architecture."""
    folder = tmp_path_factory.mktemp("study")
    psylm.train("small", output=folder / "trained", study=make_study(folder))
    return folder / "trained"


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(sorted((folder / "checkpoints").iterdir())[-1] / "model.safetensors")


# --- learning


@pytest.mark.parametrize("task", ["copy", "reverse", "agreement"])
def test_the_transformer_learns(task: str) -> None:
    """Near-zero error on what it has not seen: copying, reversing, and completing sentences of the grammar."""
    torch.manual_seed(0)
    padding, begin, end = 0, 1, 2
    words = sorted(set(" ".join(sentences(2_000, seed=1)).split()))
    number = {word: 3 + place for place, word in enumerate(words)}

    def pair(random: np.random.Generator) -> tuple[list[int], list[int]]:
        if task == "agreement":  # subject and verb stem in, the sentence with its verb in agreement out
            ids = [number[word] for word in next(sentences(1, seed=int(random.integers(2**40)))).split()]
            place = next(i for i in range(len(ids) - 1, -1, -1) if words[ids[i] - 3] in FORMS)
            source = [*ids]
            source[place] = number[FORMS[words[ids[place] - 3]]]
            return source, ids
        source = random.integers(3, 13, random.integers(3, 9)).tolist()
        return source, source[::-1] if task == "reverse" else source

    def batch(random: np.random.Generator, size: int) -> PairBatch:
        made = [pair(random) for _ in range(size)]
        sources = [torch.tensor(source) for source, _ in made]
        targets = [torch.tensor([begin, *target, end]) for _, target in made]
        pad = torch.nn.utils.rnn.pad_sequence
        return PairBatch(pad(sources, True, padding), pad(targets, True, padding), padding)

    size = 3 + len(words) if task == "agreement" else 13
    model = Transformer(Shape(size, 2, 48, 4, positions="sinusoidal", activation="relu", dropout=0.0))
    optimiser = make_optimiser(model.parameters(), 0.0)
    random, steps = np.random.default_rng(0), 700
    for step in range(1, steps + 1):
        optimiser.param_groups[0]["lr"] = 4e-3 * rate(step, "inverse_sqrt", 80, steps)
        optimiser.param_groups[-1]["lr"] = optimiser.param_groups[0]["lr"]
        seen = batch(random, 48)
        optimiser.zero_grad()
        (model.loss(seen).total / seen.count).backward()
        optimiser.step()
    model.eval()
    test = batch(np.random.default_rng(1), 200)
    written = model.write(test.source, begin, end, 14, test.source != padding)
    right = 0
    for out, target in zip(written.tolist(), test.target[:, 1:].tolist(), strict=True):
        wanted = target[: target.index(end)]
        right += out[: len(wanted) + 1] == [*wanted, end]
    assert right >= 190


FORMS = {agreeing(verb, plural): verb for verb in VERBS for plural in (False, True)}


def test_muon_makes_a_step_orthogonal() -> None:
    """The first step of a matrix is its gradient with singular values of about 1, and about as long as AdamW's."""
    torch.manual_seed(3)
    model = GPT(Shape(40, layers=1, width=16, heads=2, dropout=0.0))
    muon, adamw = make_optimisers(model, "muon", weight_decay=0.0)
    matrix, embedding = model.stack.layers[0].feed_forward.W_1.weight, model.embedding.weight
    assert {id(matrix)} <= {id(one) for one in muon.param_groups[0]["params"]}
    before = matrix.detach().clone(), embedding.detach().clone()
    model.loss(CausalBatch(torch.randint(40, (8, 17)))).total.backward()
    for group in muon.param_groups + adamw.param_groups:
        group["lr"] = 0.01
    muon.step()
    adamw.step()
    U, strength, Vh = torch.linalg.svd(matrix.grad, full_matrices=False)
    length = 0.01 * 0.2 * 64**0.5  # of a matrix of 64 x 16, by Liu et al. (2025)
    turned = U.T @ (before[0] - matrix.detach()) @ Vh.T / length
    singular = turned.diagonal()
    learnt = strength > 1e-3  # all but one: what LayerNorm puts out has no mean
    assert int(learnt.sum()) == 15 and bool(((singular > 0.6) & (singular < 1.3))[learnt].all())
    assert float((turned - torch.diag(singular)).abs().max()) < 0.06
    step = (before[1] - embedding.detach())[embedding.grad.abs() > 1e-4]
    assert torch.allclose(step.abs(), torch.tensor(0.01), rtol=1e-2)  # AdamW's first step: the sign of the gradient


# --- a training that is stopped


class Stop(Silent):
    """Stops a training, as Ctrl-C does, after some steps."""

    def __init__(self, after: int) -> None:
        self.left = after

    def advance(self, trials: int) -> None:
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


@pytest.mark.parametrize("architecture", ["gpt", "bert", "xlnet"])
def test_a_stopped_training_goes_on_to_the_same_weights(architecture: str, tmp_path: Path, trained: Path) -> None:
    models = f"  {architecture}: {{architecture: {architecture}, layers: 2, width: 16, heads: 2}}"
    study = make_study(tmp_path, models)
    for after in (5, 4):
        with pytest.raises(KeyboardInterrupt):
            psylm.train("small", output=tmp_path / "out", study=study, listener=Stop(after))
    psylm.train("small", output=tmp_path / "out", study=study)
    whole, resumed = weights(trained / architecture), weights(tmp_path / "out" / architecture)
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    columns = ["step", "tokens", "learning_rate", "loss", "validation_loss"]
    logs = [pd.read_csv(folder / architecture / "log.csv")[columns] for folder in (trained, tmp_path / "out")]
    pd.testing.assert_frame_equal(*logs)
    assert not list((tmp_path / "out" / architecture).glob("state-*"))


def test_a_stopped_training_with_muon_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    study = make_study(tmp_path, "  bert: {architecture: bert, layers: 2, width: 16, heads: 2}")
    with pytest.raises(KeyboardInterrupt):
        psylm.train("small", output=tmp_path / "out", overrides=["optimiser=muon"], study=study, listener=Stop(7))
    for name in ("out", "whole"):
        psylm.train("small", output=tmp_path / name, overrides=["optimiser=muon"], study=study)
    whole, resumed = weights(tmp_path / "whole" / "bert"), weights(tmp_path / "out" / "bert")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_a_killed_training_goes_on_to_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = "  gpt: {architecture: gpt, layers: 2, width: 32, heads: 2}"
    study = make_study(tmp_path, models)
    long = ["steps=600", "save_every=5", "validate_every=600"]
    monkeypatch.chdir(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-m", "psylm", "train", "small", "--output", "killed", *(f"--set={one}" for one in long)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not list((tmp_path / "killed").glob("gpt/state-*/config.json")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = sorted((tmp_path / "killed" / "gpt").glob("state-*"))
    assert done and int(done[-1].name.removeprefix("state-")) < 600
    psylm.train("small", output="killed", overrides=long, study=study)
    psylm.train("small", output="whole", overrides=long, study=study)
    whole, resumed = weights(tmp_path / "whole" / "gpt"), weights(tmp_path / "killed" / "gpt")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_accumulated_batches_are_one_large_batch(tmp_path: Path) -> None:
    models = (
        "  gpt: {architecture: gpt, layers: 2, width: 16, heads: 2, dropout: 0.0}\n"
        "  bert: {architecture: bert, layers: 1, width: 16, heads: 2, dropout: 0.0, next_sentence: false}"
    )
    study = make_study(tmp_path, models)
    for name, settings in {"one": ["batch=8"], "many": ["batch=2", "accumulate=4"]}.items():
        psylm.train("small", output=tmp_path / name, overrides=settings, study=study)
    for model in ("gpt", "bert"):
        one, many = weights(tmp_path / "one" / model), weights(tmp_path / "many" / model)
        assert max(float((one[name] - many[name]).abs().max()) for name in one) < 1e-5


def test_two_processes_train_as_one(tmp_path: Path) -> None:
    """The same loss curve, dropout included, as one process with the same global batch."""
    models = (
        "  gpt: {architecture: gpt, layers: 2, width: 16, heads: 2}\n"
        "  bert: {architecture: bert, layers: 1, width: 16, heads: 2}"
    )
    study = make_study(tmp_path, models)
    psylm.train("small", output=tmp_path / "one", overrides=["accumulate=2"], study=study)
    launch = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "29511", "-m", "psylm"]
    subprocess.run(
        [sys.executable, *launch, "train", "small", "--output", "two"],
        cwd=tmp_path,
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        timeout=240,
    )
    for model in ("gpt", "bert"):
        one, two = (pd.read_csv(tmp_path / name / model / "log.csv") for name in ("one", "two"))
        for column in ("step", "tokens", "loss", "validation_loss"):
            np.testing.assert_allclose(one[column], two[column], rtol=1e-5)


def test_bfloat16_trains_nearly_as_float32(tmp_path: Path, trained: Path) -> None:
    models = "  gpt: {architecture: gpt, layers: 2, width: 16, heads: 2}"
    psylm.train("small", output=tmp_path / "out", overrides=["precision=bfloat16"], study=make_study(tmp_path, models))
    full, lower = (pd.read_csv(folder / "gpt" / "log.csv") for folder in (trained, tmp_path / "out"))
    np.testing.assert_allclose(full["loss"], lower["loss"], rtol=0.02)
    assert not np.array_equal(full["loss"], lower["loss"])


def test_the_validation_loss_is_the_models_own(trained: Path) -> None:
    """What the log says of the last step is what the checkpoint gives on every row kept apart, computed here anew."""
    corpus = Corpus.load(trained / "corpus" / "validation")
    model, _ = load_checkpoint(trained / "gpt" / "checkpoints" / "00000012")
    model.eval()
    total = count = 0.0
    for start in range(0, len(corpus.tokens) - 16, 16):
        ids = torch.tensor(corpus.tokens[start : start + 17].astype(np.int64))[None]
        if ids.shape[1] == 17:
            logits = model.logits(model.states(ids[:, :-1]))
            total += float(torch.nn.functional.cross_entropy(logits[0], ids[0, 1:], reduction="sum").detach())
            count += 16
    logged = pd.read_csv(trained / "gpt" / "log.csv").iloc[-1]
    assert logged["validation_loss"] == pytest.approx(total / count, rel=1e-5)
    assert logged["validation_perplexity"] == pytest.approx(np.exp(total / count), rel=1e-4)


# --- trained models as participants


def test_a_trained_model_is_scored_as_transformers_scores_it(trained: Path, tmp_path: Path) -> None:
    """The same surprisal and pseudo-log-likelihood from `scratch:` and, saved in their form, from `file:`."""
    text = ["the baker behind the tables sings often .", "the bakers that the pilot meets sing ."]
    for name, measure in (("gpt", "surprisal"), ("roberta", "pseudo_log_likelihood")):
        folder = trained / name
        saved = CliRunner().invoke(app, ["models", "save", f"scratch:{folder}", str(tmp_path / name)])
        assert saved.exit_code == 0, saved.output
        scores = []
        for source in (f"scratch:{folder}", f"file:{tmp_path / name}"):
            participant = psylm.load_model(source)
            chosen = MEASURES[measure]
            scores.append(chosen.function(participant, sentence_trials(text), chosen.options()))
        values = [table["value"].to_numpy(dtype=float) for table in scores]
        assert len(values[0]) > 1
        np.testing.assert_allclose(*values, atol=1e-4)


@pytest.mark.parametrize("name", ["gpt", "lstm", "elmo", "xlnet"])
def test_surprisal_is_the_models_own_log_probability(name: str, trained: Path) -> None:
    participant = psylm.load_model(f"scratch:{trained / name}")
    assert participant.info.training["architecture"] == name
    assert participant.left_to_right == (name != "xlnet")
    texts = ["the baker sings .", "the old bakers near the tower of the sings walk today .", "the cousin waits ."]
    asked = MEASURES["surprisal"]
    scores = asked.function(participant, sentence_trials(texts), asked.options.model_validate({"punctuation": "apart"}))
    model = participant.network.model
    fast = participant.tokenizer.fast
    for trial, text in enumerate(texts):
        ids = torch.tensor([[fast.cls_token_id, *fast(text, add_special_tokens=False)["input_ids"]]])
        if name == "xlnet":
            states = model.query_states(ids, torch.arange(ids.shape[1])[None])[:, 1:]
        else:
            states = model.states(ids)[:, :-1]
        expected = -model.logits(states).log_softmax(-1).gather(-1, ids[:, 1:, None])[0, :, 0] / np.log(2)
        mine = scores[(scores["trial"] == trial) & (scores["measure"] == "surprisal")]["value"]
        known = (ids[0, 1:] != fast.unk_token_id).numpy()  # a word that the grammar does not have has no score
        np.testing.assert_allclose(mine.astype(float)[known], expected.detach().numpy()[known], atol=1e-4)
        assert np.isnan(mine.astype(float)[~known]).all()


def test_an_experiment_over_every_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = (
        "  GPT: {architecture: gpt, layers: 1, width: 16, heads: 2}\n"
        "  LSTM: {architecture: lstm, layers: 1, width: 16}\n"
        "seeds: [1, 2]"
    )
    make_study(tmp_path, models)
    (tmp_path / "experiments" / "learning.yaml").write_text(
        "name: learning\nstimuli: [agreement-grammar]\ntrain: small\nmodels: ['scratch:trained/small@all']\n"
        "measures: [surprisal]\nanalysis: [learning]\n"
    )
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["run", "learning", "--limit", "6"])
    assert result.exit_code == 0, result.output
    run = psylm.Run("runs/learning-limit-6")
    steps = {info["training"]["step"] for info in run.manifest["models"].values()}
    assert len(run.model_names) == 2 * 2 * 3 and steps == {1, 3, 12}
    learners = run.tables()["learning-learners"]
    assert set(learners["architecture"]) == {"GPT", "LSTM"} and set(learners["seed"]) == {1, 2}
    # one accuracy, computed here from the run's own surprisals
    name = next(n for n in run.model_names if n.endswith("GPT-seed2@12"))
    assert name in run.model_names
    rows = run.results.query("model == @name and measure == 'surprisal' and region == 'target'")
    items = run.items("agreement-grammar").astype({"item": "string", "condition": "string"})
    wide = rows.merge(items, on=["item", "condition"]).pivot(index="item", columns="acceptability", values="value")
    phenomenon = items.drop_duplicates("item").set_index("item")["phenomenon"]
    expected = (wide["good"] < wide["bad"]).groupby(phenomenon).mean()
    mine = learners.query("architecture == 'GPT' and seed == 2 and step == 12").set_index("condition")["estimate"]
    assert mine.to_dict() == expected.to_dict()
    means = run.tables()["learning-means"]
    row = means.query("architecture == 'GPT' and step == 12 and condition == 'no attractor'").iloc[0]
    both = learners.query("architecture == 'GPT' and step == 12 and condition == 'no attractor'")["estimate"]
    assert row["estimate"] == pytest.approx(both.mean()) and row["learners"] == 2
    again = CliRunner().invoke(app, ["run", "learning", "--limit", "6"])  # nothing is trained or scored twice
    assert again.exit_code == 0


def test_names_of_trained_models(trained: Path) -> None:
    steps = [1, 3, 12]
    assert expanded([f"scratch:{trained}/gpt@all"]) == [f"scratch:{trained}/gpt@{step}" for step in steps]
    assert expanded([f"scratch:{trained}/gpt"]) == [f"scratch:{trained}/gpt"]
    assert len(expanded([f"scratch:{trained}@all"])) == 6 * 3
    assert [name.rpartition("@")[2] for name in expanded([f"scratch:{trained}"])] == ["12"] * 6
    with pytest.raises(InputError, match="found step '7'; expected one of 1, 3, 12 or all"):
        psylm.load_model(f"scratch:{trained}/gpt@7")
    with pytest.raises(InputError, match="no trained model there"):
        psylm.load_model("scratch:nowhere")
    with pytest.raises(InputError, match="several models"):
        psylm.load_model(f"scratch:{trained}/gpt@all")


# --- mistakes


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("steps: 12", "steps: many"), "line 8, key steps: found 'many'; expected a valid integer"),
        (("layers: 2", "layer: 2"), "key models.gpt.layer: found a key that is not known here"),
        (("width: 16", "width: 15"), "width that is a multiple of heads; 15 is none of 2"),
        (("grammar: 400", "train: [../out.txt], validation: [v.txt]"), "a file inside"),
        (("grammar: 400", "train: [absent.txt], validation: [v.txt]"), "no file"),
        (("grammar: 400", "train: [v.txt]"), "text for validation"),
        (("kind: word", "of: embedded:none"), "key tokenizer.of: found no embedded model of that name"),
    ],
)
def test_mistakes_are_told_before_anything_is_trained(change: tuple[str, str], message: str, tmp_path: Path) -> None:
    study = make_study(tmp_path, "  gpt: {architecture: gpt, layers: 2, width: 16, heads: 2}")
    file = tmp_path / "experiments" / "training" / "small.yaml"
    file.write_text(file.read_text().replace(*change))
    (tmp_path / "v.txt").write_text("a b c")
    (tmp_path.parent / "out.txt").write_text("a b c")
    with pytest.raises(InputError, match=message.replace("[", r"\[")):
        psylm.train("small", output=tmp_path / "out", study=study)
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_another_training_in_the_folder_is_left_alone(tmp_path: Path) -> None:
    study = make_study(tmp_path, "  gpt: {architecture: gpt, layers: 1, width: 16, heads: 2}")
    psylm.train("small", output=tmp_path / "out", study=study)
    before = weights(tmp_path / "out" / "gpt")
    with pytest.raises(PsylmError, match="holds a training that differs in steps"):
        psylm.train("small", output=tmp_path / "out", overrides=["steps=20"], study=study)
    assert all(torch.equal(before[name], weights(tmp_path / "out" / "gpt")[name]) for name in before)


def test_a_training_that_was_begun_before_an_option_was_there_goes_on(tmp_path: Path) -> None:
    study = make_study(tmp_path, "  gpt: {architecture: gpt, layers: 1, width: 16, heads: 2}")
    psylm.train("small", output=tmp_path / "out", study=study)
    file = tmp_path / "out" / "manifest.json"
    manifest = json.loads(file.read_text())
    del manifest["training"]["optimiser"]
    file.write_text(json.dumps(manifest))
    psylm.train("small", output=tmp_path / "out", study=study)
    with pytest.raises(PsylmError, match="differs in optimiser"):
        psylm.train("small", output=tmp_path / "out", overrides=["optimiser=muon"], study=study)


def test_a_corpus_named_on_the_command_line_may_lie_anywhere(tmp_path: Path) -> None:
    study = make_study(tmp_path / "study", "  gpt: {architecture: gpt, layers: 1, width: 16, heads: 2}")
    text = tmp_path / "text.txt"
    text.write_text("\n\n".join(sentences(120, seed=1)))
    where = [f"corpus={{train: [{text}], validation: [{text}]}}"]
    with pytest.raises(InputError, match="a file inside"):
        file = tmp_path / "study" / "experiments" / "training" / "small.yaml"
        own = file.read_text()
        file.write_text(own.replace("{grammar: 400}", f"{{train: [{text}], validation: [{text}]}}"))
        psylm.train("small", output=tmp_path / "out", study=study)
    psylm.train("small", output=tmp_path / "out", overrides=where, study=study)
    assert weights(tmp_path / "out" / "gpt")


def test_files_and_streams_train_the_same_model(tmp_path: Path) -> None:
    study = make_study(tmp_path, "  gpt: {architecture: gpt, layers: 1, width: 16, heads: 2}")
    texts = list(sentences(300, seed=1))
    pd.DataFrame({"said": texts}).to_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.txt").write_text("\n\n".join(texts))
    stream = f"{{name: parquet, options: {{data_files: {tmp_path}/a.parquet}}}}"
    corpora = {
        "text": "{train: [a.txt], validation: [a.txt]}",
        "parquet": "{train: [a.parquet], validation: [a.parquet], column: said}",
        "stream": f"{{dataset: {stream}, validation_dataset: {stream}, column: said}}",
    }
    for name, corpus in corpora.items():
        psylm.train("small", output=tmp_path / name, overrides=[f"corpus={corpus}"], study=study)
    text, parquet, stream_ = (weights(tmp_path / name / "gpt") for name in corpora)
    assert all(torch.equal(text[name], parquet[name]) and torch.equal(text[name], stream_[name]) for name in text)


def test_a_model_begun_with_anothers_weights(tmp_path: Path, causal_folder: Path) -> None:
    models = f"  gpt: {{architecture: gpt, start: 'file:{causal_folder}', dropout: 0.0}}"
    study = make_study(tmp_path, models)
    file = tmp_path / "experiments" / "training" / "small.yaml"
    file.write_text(file.read_text().replace("{kind: word, size: 400}", f"{{of: 'file:{causal_folder}'}}"))
    psylm.train("small", output=tmp_path / "out", overrides=["learning_rate=1e-12"], study=study)
    theirs = psylm.load_model(f"file:{causal_folder}").network
    ours = psylm.load_model(f"scratch:{tmp_path}/out/gpt").network
    assert (
        theirs.config.n_positions > ours.config.max_position_embeddings == 16
    )  # positions that were not trained are not offered
    ids = torch.tensor([[1, 2, 3]])
    assert torch.allclose(theirs(input_ids=ids).logits, ours(ids).logits, atol=1e-4)


def test_what_a_training_leaves(trained: Path) -> None:
    assert {path.name for path in (trained / "figures").iterdir()} == {
        f"losses.{kind}" for kind in ("pdf", "svg", "png")
    }
    assert {path.name for path in (trained / "gpt").iterdir()} == {"checkpoints", "log.csv", "tokenizer"}
    model, facts = load_checkpoint(trained / "gpt" / "checkpoints" / "00000001")
    assert isinstance(model, GPT)
    assert (facts["step"], facts["tokens"], facts["seed"]) == (1, 64, 1)
