"""Scores of architectures of every kind against `transformers` itself, and what is refused by name."""

from __future__ import annotations

import json
import shutil

import pytest
from typer.testing import CliRunner

from benchmarks.architectures import examined
from benchmarks.architectures_page import judged
from benchmarks.tiny import Tiny, candidates, save
from psylm.cli.main import app
from psylm.common.errors import PsylmError
from psylm.experiment.plan import check_models
from psylm.measures import MEASURES
from psylm.measures.trials import sentence_trials
from psylm.models import load_model
from psylm.models.comparison import compare, texts_for
from psylm.models.load import load_unverified
from psylm.models.masked import MaskedModel
from psylm.models.names import ModelSource
from psylm.models.verified import verified

pytestmark = pytest.mark.slow


AGREE = [
    "MistralForCausalLM", "Gemma3ForCausalLM", "GPTNeoForCausalLM", "BloomForCausalLM", "MambaForCausalLM",
    "FNetForMaskedLM", "ConvBertForMaskedLM", "MPNetForMaskedLM", "IBertForMaskedLM", "LongformerForMaskedLM",
    "ModernBertForMaskedLM", "DebertaV2ForMaskedLM[relative]", "BigBirdForMaskedLM", "XLMWithLMHeadModel",
    "XLNetLMHeadModel", "LEDForConditionalGeneration", "UMT5ForConditionalGeneration", "MarianMTModel", "FNetModel",
]  # fmt: skip


@pytest.fixture(scope="module")
def tiny():
    return {one.name: one for one in candidates()}


def loaded(one, folder):
    save(one, folder)
    return load_unverified(ModelSource.parse(f"file:{folder}"), device="cpu")


@pytest.mark.parametrize("name", AGREE)
def test_scores_are_those_of_transformers_in_any_company(name, tiny):
    """Windows, padding, beginnings in common, longest texts, and every measure that takes the family."""
    found = examined(tiny[name])
    assert found["outcome"] == "agrees", found


def test_the_comparison_finds_what_padding_does(tiny, tmp_path, monkeypatch):
    model = loaded(tiny["FNetForMaskedLM"], tmp_path)
    assert all(one.within() for one in compare(model))
    assert not model.may_pad(16)
    monkeypatch.setattr(type(model), "may_pad", lambda self, length: True)
    assert max(one.largest for one in compare(model)) > 0.1


def test_the_texts_of_the_comparison_reach_over_windows_and_to_the_longest(tiny, tmp_path):
    model = loaded(tiny["MistralForCausalLM"], tmp_path)
    lengths = {len(text) for text in texts_for(model)["together"]}
    assert {7, 8, 9, 19} <= lengths  # the window is 8
    assert max(len(model.sequence(text)) for text in texts_for(model)["longest"]) == model.info.window == 48


@pytest.mark.parametrize("name", ["MPNetForMaskedLM", "XmodForMaskedLM", "T5ForConditionalGeneration"])
def test_a_text_longer_than_the_window_is_refused(name, tiny, tmp_path):
    model = loaded(tiny[name], tmp_path)
    asked = MEASURES["surprisal"]
    trials = sentence_trials(["songs " * 60])
    if model.info.window is None:  # relative positions have no end
        assert asked.function(model, trials, asked.options(words="all"))["value"].notna().all()
        return
    with pytest.raises(PsylmError, match=f"at most {model.info.window}"):
        asked.function(model, trials, asked.options(words="all"))


@pytest.mark.parametrize("name", ["BartForConditionalGeneration", "LEDForConditionalGeneration"])
def test_a_prompt_longer_than_the_encoder_reads_is_refused(name, tiny, tmp_path):
    model = loaded(tiny[name], tmp_path)
    asked = MEASURES["continuation"]
    with pytest.raises(PsylmError, match="at most 48"):
        asked.function(model, sentence_trials(["old doors"], contexts=["songs " * 80]), asked.options())


@pytest.fixture
def unknown(masked_folder, tmp_path):
    """The tiny BERT under a name that nothing was compared under."""
    folder = tmp_path / "new"
    shutil.copytree(masked_folder, folder)
    config = json.loads((folder / "config.json").read_text())
    config["architectures"] = ["BertOfTomorrowForMaskedLM"]
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").rename(folder / "elsewhere.safetensors")  # nothing may be read of the weights
    return folder


def test_an_architecture_that_was_not_compared_is_refused_before_its_weights_are_read(unknown):
    name = f"file:{unknown}"
    for attempt in (lambda: load_model(name), lambda: check_models([name], [MEASURES["surprisal"]])):
        with pytest.raises(PsylmError, match=r"BertOfTomorrowForMaskedLM.*psylm models check"):
            attempt()


def test_a_comparison_on_this_machine_opens_the_way(unknown):
    (unknown / "elsewhere.safetensors").rename(unknown / "model.safetensors")
    name = f"file:{unknown}"
    result = CliRunner().invoke(app, ["models", "check", name, "--dtype", "bfloat16", "--limit", "1"])
    assert result.exit_code == 0, result.output
    assert "shared beginnings" in result.output and "as transformers does" in result.output
    assert load_model(name, device="cpu").info.compared.startswith("this machine")
    config = json.loads((unknown / "config.json").read_text())
    (unknown / "config.json").write_text(json.dumps(config | {"hidden_act": "relu"}))
    with pytest.raises(PsylmError, match="psylm models check"):  # another configuration was not compared
        load_model(name, device="cpu")


def test_a_model_that_does_not_agree_is_not_remembered(unknown, monkeypatch):
    (unknown / "elsewhere.safetensors").rename(unknown / "model.safetensors")
    own = MaskedModel._hidden
    monkeypatch.setattr(MaskedModel, "_hidden", lambda self, rows: own(self, rows) * 1.01)
    name = f"file:{unknown}"
    with pytest.raises(PsylmError, match="cannot be trusted"):
        CliRunner().invoke(app, ["models", "check", name], catch_exceptions=False, standalone_mode=False)
    with pytest.raises(PsylmError, match="psylm models check"):
        load_model(name, device="cpu")


def test_the_list_names_more_than_eighty_architectures_and_no_one_that_differed():
    assert len({key for key in verified() if key[0] != "encoder"}) > 80
    assert ("causal", "GPT2LMHeadModel") in verified() and ("masked", "PerceiverForMaskedLM") not in verified()


def test_an_architecture_is_listed_only_where_no_variant_differs():
    one = {
        "asked": "masked", "architecture": "A", "model_type": "a", "variant": "", "outcome": "agrees",
        "cases": {"alone": 1e-6}, "measures": {}, "shares": False, "pads": True, "transformers": "5",
    }  # fmt: skip
    other = one | {"variant": "local", "outcome": "differs", "cases": {"alone": 0.5}}
    assert [row["architecture"] for row in judged([one])[0]] == ["A"]
    assert judged([one, other]) == ([], [{
        "architecture": "A", "model_type": "a", "family": "masked",
        "reason": "with local: differs by up to 0.5 bits (alone)",
    }])  # fmt: skip


def test_an_encoder_that_sees_padding_has_the_same_vectors_in_company(tiny, tmp_path):
    save(Tiny("fnet", "FNetModel", "encoder"), tmp_path)
    model = load_unverified(ModelSource.parse(f"file:{tmp_path}"), device="cpu")
    assert all(one.within() for one in compare(model))
