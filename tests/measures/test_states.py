"""Hidden states of words against transformers' own, and probes of them from config to figure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import psylm
from psylm.common.study import Study
from psylm.measures.states import StateOptions, states
from psylm.measures.trials import sentence_trials

pytestmark = pytest.mark.slow


STUDY = Study(None)
REGIONS = '[["determiner", 0, 3], ["noun.singular", 4, 7], ["verb", 8, 13], ["punctuation", 13, 14]]'


@pytest.mark.parametrize("family", ["causal", "masked"])
def test_a_words_state_is_the_mean_of_its_tokens(family: str, request: pytest.FixtureRequest) -> None:
    model = request.getfixturevalue(family)
    trials = sentence_trials(["The cat slept.", "It rained."], contexts=["It was warm.", ""], regions=[REGIONS, ""])
    table, arrays = states(model, trials, StateOptions())
    first = table[table["trial"] == 0]
    assert first["region"].tolist() == ["determiner", "noun.singular", "verb", "punctuation"]
    assert first["word"].tolist() == ["The", "cat", "slept", "."]
    assert table.loc[table["trial"] == 1, "region"].eq("sentence").all()
    text = "It was warm. The cat slept."
    encoded = model.tokenizer.fast(text, return_offsets_mapping=True, add_special_tokens=False)
    ids = model.sequence(tuple(encoded["input_ids"]))
    shift = ids.index(encoded["input_ids"][0])
    with torch.inference_mode():
        theirs = model.network(torch.tensor([ids]), output_hidden_states=True).hidden_states
    mine = [
        n + shift
        for n, (_, end) in enumerate(encoded["offset_mapping"])
        if text.index("cat") < end <= text.index("cat") + 3
    ]
    expected = np.stack([layer[0, mine].mean(0).numpy() for layer in theirs])
    assert arrays["state"][0].shape == (4, len(theirs), expected.shape[1])
    assert arrays["state"][0][1] == pytest.approx(expected, rel=2e-3, abs=2e-3)
    assert arrays["state_layer"][0].tolist() == list(range(len(theirs)))
    assert first["value"].iloc[1] == pytest.approx(np.linalg.norm(expected[-1]), rel=1e-4)


def test_layers_can_be_chosen(causal: psylm.LanguageModel) -> None:
    _, arrays = states(causal, sentence_trials(["The cat slept."]), StateOptions(layer=[2, 0]))
    _, every = states(causal, sentence_trials(["The cat slept."]), StateOptions())
    assert arrays["state_layer"][0].tolist() == [2, 0]
    assert (arrays["state"][0] == every["state"][0][:, [2, 0]]).all()


def test_probes_run_from_their_config(causal_folder: Path, tmp_path: Path) -> None:
    run = psylm.run("probes", models=[f"file:{causal_folder}"], limit=12, output=tmp_path / "run", study=STUDY,
                    overrides=["measures.states.layer=[0, 2]"], analyse=False)  # fmt: skip
    module = STUDY.analysis_module("probes")
    module.PERMUTATIONS = 3
    tables = module.tables(run)
    rows = tables["accuracy"].set_index(["task", "layer"])
    assert set(rows.index.get_level_values("task")) == {
        "word class", "number", "position", "number of the subject, before the verb",
    }  # fmt: skip
    # The embeddings of a model that learns positions hold them as they are; a form's class is in its embedding.
    assert rows.loc[("position", 0), "accuracy"] > rows.loc[("position", 0), "majority"] + 0.2
    subject = rows.loc[("number of the subject, before the verb", 2)]
    assert subject["n"] == 12 * 4
    assert subject["labels"] == 2
    assert subject["majority"] == 0.5
    drawn = module.figures(run, tables)
    assert "n = 48 words of 12 sentences" in drawn[f"accuracy-file:{causal_folder}"].caption
    (about,) = module.summary(run, tables).values()
    assert about[0].startswith("Word class (seven labels, ")
    assert any(line.startswith("Against the control task") for line in about)
