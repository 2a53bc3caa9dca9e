"""Words that a vocabulary lacks have no score, in any measure, and a run says so once."""

from __future__ import annotations

import math

import pytest

import psylm
from psylm.common.study import Study
from psylm.experiment.unknown_words import unknown_words
from psylm.measures import MEASURES
from psylm.measures.trials import sentence_trials
from psylm.measures.words import UNKNOWN, UNKNOWN_CONTEXT
from psylm.models import load_model
from tests.stimuli.test_stimuli import CARD, write
from tests.tokenizers import tiny


def score(model, name, trials, **options):
    asked = MEASURES[name]
    return asked.function(model, trials, asked.options(**options))


@pytest.fixture(scope="module")
def ngram(tmp_path_factory):
    file = tmp_path_factory.mktemp("ngram") / "corpus.txt"
    file.write_text("the cat sleeps .\nthe cat eats .\na dog barks .\n")
    return load_model(f"ngram:{file}@2")


UNSEEN = {"masked": "猗", "permuted": "Ж", "t5": "Ж", "bart": "Ж", "ngram": "zebra"}


@pytest.mark.parametrize("family", UNSEEN)
def test_two_words_that_a_vocabulary_lacks_are_not_the_same_number(family, request):
    """Both would be read as [UNK], and score alike; what is read after them stays a number, with a note."""
    model = request.getfixturevalue(family)
    word = UNSEEN[family]
    assert model.tokenizer.unknown_words(f"the {word} cat") == [word]
    trials = sentence_trials([f"the {word} cat"], targets=[word])
    table = score(model, "surprisal", trials, words="all")
    assert table["value"].isna().tolist() == [False, True, False]
    first = "" if model.left_to_right else UNKNOWN_CONTEXT
    assert table["note"].tolist() == [first, UNKNOWN, UNKNOWN_CONTEXT]
    target = score(model, "surprisal", trials)
    assert math.isnan(target["value"].item()) and target["note"].item() == UNKNOWN
    for name in ("sentence_surprisal", "pseudo_log_likelihood", "continuation", "acceptability", "cloze"):
        if model.info.family not in MEASURES[name].families:
            continue
        found = score(model, name, trials)
        found = found[found["region"].isin(["target", "sentence"]) & (found["measure"] != "entropy")]
        assert len(found) and found["value"].isna().all(), name
        assert (found["note"] == UNKNOWN).all(), name
    known = score(model, "surprisal", sentence_trials(["the cat"], contexts=[word], targets=["cat"]))
    assert math.isfinite(known["value"].item()) and known["note"].item() == UNKNOWN_CONTEXT


def test_a_letter_that_is_dropped_is_unknown_too(tmp_path):
    """BPE without bytes and without [UNK] makes nothing of a character that it does not have."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE({"<s>": 0, "▁": 1, "n": 2, "a": 3, "v": 4, "e": 5}, []))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    model = tiny(PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>", eos_token="<s>"), tmp_path)
    table = score(model, "surprisal", sentence_trials(["nave naïve"]), units=["word", "sentence"])
    assert table["note"].tolist() == ["", UNKNOWN, UNKNOWN] and table["value"].isna().tolist() == [False, True, True]


def test_an_unlisted_word_has_the_least_frequency():
    """`wordfreq` gives a frequency to any word; so the list's model knows every word."""
    model = load_model("wordfreq:en")
    table = score(model, "surprisal", sentence_trials(["the flibbertigibbetry"]), words="all")
    assert table["note"].tolist() == ["", ""] and table["value"].iloc[1] == pytest.approx(-math.log2(1e-9), abs=0.1)


def test_a_run_says_once_that_a_set_is_foreign(tmp_path, masked_folder):
    rows = [["item", "fit", "sentence", "target"]]
    words = ["Ж", "Ψ", "Щ", "sang"]
    rows += [[str(n // 2), ("fitting", "odd")[n % 2], f"the cook {word}", word] for n, word in enumerate(words)]
    write(tmp_path, rows, CARD)
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "trial.yaml").write_text(
        f'name: trial\nstimuli: [small]\nmodels: ["file:{masked_folder}"]\nmeasures: [surprisal, cloze]\n'
    )
    with pytest.warns(UserWarning) as caught:
        run = psylm.run("trial", study=Study(tmp_path), output=tmp_path / "run", analyse=False)
    texts = [str(one.message) for one in caught if "vocabulary" in str(one.message)]
    assert len(texts) == 1 and "3 of 4" in texts[0] and "75%" in texts[0] and "foreign" in texts[0]
    assert run.manifest["notes"] == texts == list(unknown_words(run.results))
