"""Siamese fine-tuning: what is trained on what, and what comes of it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import load_file

from psylm.common.errors import InputError, PsylmError
from psylm.common.study import Study
from psylm.measures.similarity import compare
from psylm.models import load_model
from psylm.models.embedding import embed
from psylm.stimuli import load_stimuli
from psylm.training.finetune import Finetuning, divided, finetune, pairs_of

pytestmark = pytest.mark.slow


CONFIG = """\
name: siamese
model: file:{model}
stimuli: [negation]
held_out: 0.25
epochs: 100
batch: 24
learning_rate: 3.0e-3
seed: 1
device: cpu
"""


@pytest.fixture
def config(tmp_path, monkeypatch, encoder_folder):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "siamese.yaml"
    file.write_text(CONFIG.format(model=encoder_folder))
    return file


def cosines(name, pairs):
    model = load_model(name, device="cpu")
    return compare(*(embed(model, pairs[column].tolist())[-1] for column in ("first", "second")), "cosine")


def test_cosines_come_to_fit_the_pairs_that_are_trained_on(config, encoder_folder, tmp_path):
    pytest.importorskip("accelerate", reason="the trainer needs accelerate")
    folder, table = finetune(config, study=Study(tmp_path))
    plan = Finetuning(name="siamese", model="", stimuli=["negation"], held_out=0.25, seed=1)
    pairs = divided(pairs_of(load_stimuli("negation", Study(None))), plan)
    trained = pairs[~pairs["held_out"]]
    errors = [
        np.square(cosines(name, trained) - trained["similarity"]).mean()
        for name in (f"file:{encoder_folder}", f"file:{folder}")
    ]
    assert errors[1] < 0.8 * errors[0]
    assert table["when"].tolist() == ["before", "after"] and (table["n"] == 24).all()  # 6 of 24 items, 4 pairs each

    from sentence_transformers import SentenceTransformer

    texts = trained["second"].tolist()[:5]
    theirs = SentenceTransformer(str(folder), device="cpu").encode(texts)
    np.testing.assert_allclose(embed(load_model(f"file:{folder}", device="cpu"), texts)[-1], theirs, atol=1e-5)

    # The same command finds the model again; the same seed makes the same one; another plan is refused.
    before = (folder / "model.safetensors").stat().st_mtime_ns
    again, same = finetune(config, study=Study(tmp_path))
    assert again == folder and (folder / "model.safetensors").stat().st_mtime_ns == before
    assert same.equals(table)
    other, _ = finetune(config, study=Study(tmp_path), output=tmp_path / "other")
    weights, others = (load_file(one / "model.safetensors") for one in (folder, other))
    assert all(np.array_equal(weights[name], others[name]) for name in weights)
    with pytest.raises(PsylmError, match="trained with another seed"):
        finetune(config, study=Study(tmp_path), overrides=["seed=2"])


def test_items_are_held_out_whole():
    pairs = pairs_of(load_stimuli("paraphrase", Study(None)))
    found = divided(pairs, Finetuning(name="a", model="", stimuli=["paraphrase"], seed=3))
    assert found.groupby("item")["held_out"].nunique().eq(1).all()
    assert found.drop_duplicates("item")["held_out"].sum() == 5  # a fifth of 24
    assert found["similarity"].isin([0, 1]).all() and found["similarity"].mean() == 0.5


def test_what_cannot_be_trained_on_is_told(config, tmp_path, causal_folder):
    for name, expected in (("agreement-pairs", "items without a context"), ("semantic-priming", "human ratings")):
        with pytest.raises(InputError, match=expected):
            pairs_of(load_stimuli(name, Study(None)))
    with pytest.raises(InputError, match="a causal model"):
        finetune(config, study=Study(tmp_path), overrides=[f"model=file:{causal_folder}"])


def test_modules_of_a_folder_s_own_are_not_imported(config, tmp_path, encoder_folder):
    import shutil

    folder = tmp_path / "strange"
    shutil.copytree(encoder_folder, folder)
    (folder / "modules.json").write_text(json.dumps([{"idx": 0, "path": "", "type": "antigravity.Module"}]))
    with pytest.raises(InputError, match=r"antigravity\.Module"):
        finetune(config, study=Study(tmp_path), overrides=[f"model=file:{folder}"])
