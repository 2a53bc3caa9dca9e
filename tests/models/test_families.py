"""Families of models: one record and one adapter each, psylm's own and a study's."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from textwrap import dedent

import pytest
import torch

import psylm
from psylm.common.errors import InputError, PsylmError
from psylm.common.registry import use_study
from psylm.common.study import Study
from psylm.experiment.runner import run
from psylm.measures.registry import MEASURES, measure
from psylm.models.base import LanguageModel
from psylm.models.comparison import compare
from psylm.models.families import ABILITIES, FAMILIES
from psylm.models.load import load_unverified
from psylm.models.names import ModelSource
from psylm.models.verified import remember

RECORD = """
    from pathlib import Path

    from psylm.models.families import Family, family

    family(
        Family(
            "right_to_left",
            f"{Path(__file__).parent / '_right_to_left.py'}:RightToLeftModel",
            frozenset(["words", "hidden_states"]),
            endings=("ReversedLMHeadModel",),
            loader="AutoModelForCausalLM",
            starts=True,
        )
    )
"""

ADAPTER = '''
    from psylm.models.causal import CausalModel


    class RightToLeftModel(CausalModel):
        """Predicts each token from those after it: the text is read from its end."""

        family = "right_to_left"

        def word_queries(self, text, words, hiding="within_word", *, after=True):
            queries, counts = [], []
            for first, last in words:
                span = len(text) - last, len(text) - first
                found, (count,) = super().word_queries(text[::-1], [span], after=False)
                queries += found
                counts.append(count)
            return queries, counts
'''


@pytest.fixture
def study(tmp_path):
    (tmp_path / "experiments").mkdir()
    folder = tmp_path / "stimuli" / "few"
    folder.mkdir(parents=True)
    (folder / "card.yaml").write_text(
        "name: few\ntitle: Few\nversion: 1.0.0\nlanguage: en\nparadigm: cloze\nlicence: CC0-1.0\n"
        "citation: Written for this test\ndescription: Two sentences.\n"
        "columns: {item: its number, condition: none, sentence: the sentence}\n"
    )
    (folder / "items.csv").write_text("item,condition,sentence\n0,a,The cook tasted the soup.\n1,a,A soup is hot.\n")
    yield Study(tmp_path)
    use_study(None)


def configure(study, models, rest=""):
    path = study.root / "experiments" / "e.yaml"
    path.write_text(
        f"name: e\nstimuli: [few]\nmodels: {json.dumps(models)}\nmeasures: [surprisal]\ndevice: cpu\n{rest}"
    )
    return path


def test_a_study_brings_a_family_in_two_files(causal_folder, study, tmp_path):
    """Surprisals are transformers' own of the text read from its end."""
    folder = tmp_path / "reversed"
    shutil.copytree(causal_folder, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"architectures": ["TinyReversedLMHeadModel"]}))
    name = f"file:{folder}"
    assert ModelSource.parse(name).family == "causal"  # by the end that psylm knows

    families = study.root / "families"
    families.mkdir()
    (families / "right_to_left.py").write_text(dedent(RECORD))
    (families / "_right_to_left.py").write_text(dedent(ADAPTER))
    path = configure(study, [name])
    use_study(study.root)
    assert ModelSource.parse(name).family == "right_to_left"
    assert "right_to_left" in MEASURES["surprisal"].families and "right_to_left" not in MEASURES["cloze"].families
    with pytest.raises(PsylmError, match="as a right_to_left model, which is not"):
        psylm.load_model(name)
    source = ModelSource.parse(name)
    found = compare(load_unverified(source, device="cpu"))
    assert all(one.within() for one in found)
    remember(source, found)
    model = psylm.load_model(name, device="cpu")
    assert model.info.family == "right_to_left" and not model.left_to_right
    results = run(path, output=tmp_path / "run", study=study).results
    for item, mine in results.groupby("item"):
        sentence = {"0": "The cook tasted the soup.", "1": "A soup is hot."}[str(item)]
        ids = model.tokenizer.fast(sentence, add_special_tokens=False)["input_ids"][::-1]
        read = torch.tensor([[0, *ids]])
        with torch.no_grad():
            loss = model.network(input_ids=read, labels=read).loss.item()
        assert mine["value"].sum() == pytest.approx(loss * len(ids) / math.log(2), abs=1e-4)


def test_what_a_record_says_is_what_its_adapter_does():
    for name, record in FAMILIES.items():
        assert record.name == name and record.abilities <= set(ABILITIES)
        adapter = record.adapter_class()
        assert issubclass(adapter, LanguageModel) and adapter.family == name
        for method, able in (("lay", record.attends), ("own_logits", record.predicts)):
            inherited = getattr(adapter, method) is getattr(LanguageModel, method)
            assert not (able and inherited), f"{name} has no {method}"


@pytest.mark.parametrize(
    ("architecture", "rest", "family"),
    [
        ("XLNetLMHeadModel", {}, "permuted"),
        ("GPT2LMHeadModel", {}, "causal"),
        ("XLMWithLMHeadModel", {"model_type": "xlm"}, "masked"),
        ("XLMWithLMHeadModel", {"model_type": "xlm", "causal": True}, "causal"),
        ("MarianMTModel", {"is_encoder_decoder": True}, "seq2seq"),
        ("BertModel", {"model_type": "bert"}, "encoder"),
        ("BertForMaskedLM", {"model_type": "bert"}, "masked"),
    ],
)
def test_the_longest_ending_of_a_class_name_says_the_family(architecture, rest, family, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"architectures": [architecture], **rest}))
    assert ModelSource.parse(f"file:{tmp_path}").family == family


def test_a_family_or_ability_that_is_not_there_is_an_error():
    with pytest.raises(InputError, match=r"measure 'm', families: found 'casual'; .* \(did you mean causal\?\)"):
        measure("m", families={"casual"}, meaning="")
    with pytest.raises(InputError, match="found the ability 'word'"):
        measure("m", needs={"word"}, meaning="")
    with pytest.raises(InputError, match="found neither needs nor families"):
        measure("m", meaning="")
    with pytest.raises(InputError, match="its family: found 'diffusion'"):
        FAMILIES.named("diffusion", "model 'x', its family")


def test_a_run_reads_each_name_once(causal_folder, masked_folder, study, tmp_path, monkeypatch):
    names: list[str] = []
    original = ModelSource.parse.__func__

    def counting(cls, name):
        names.append(name)
        return original(cls, name)

    monkeypatch.setattr(ModelSource, "parse", classmethod(counting))
    models = [f"file:{causal_folder}", f"file:{masked_folder}"]
    lesions = "lesions: [{kind: temperature, strengths: [2]}]\nstart: bos\n"
    run(configure(study, models, lesions), output=tmp_path / "run", study=study)
    assert sorted(names) == sorted([*models, *(f"{model}#temperature=2.0" for model in models)])


def test_names_records_and_configurations_are_read_without_torch(study):
    path = configure(study, ["embedded:smollm2-135m#heads=3.4", "hub:gpt2"], "memory: 4GB\nstart: bos\n")
    code = f"""
        import sys
        from pathlib import Path
        from psylm.experiment.definition import read_experiment
        from psylm.models.families import FAMILIES
        from psylm.models.names import ModelSource

        experiment = read_experiment(Path({str(path)!r}))
        sources = [ModelSource.parse(name) for name in experiment.models]
        assert sources[0].family == "causal" and sources[0].traits.starts and sources[1].place == "gpt2"
        assert "encoder" in FAMILIES and experiment.start_of(experiment.models[0]) == "bos"
        assert "torch" not in sys.modules and "transformers" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", dedent(code)], check=True)
