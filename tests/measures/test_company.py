"""A value is the same alone and in company, in any order, with what is remembered and with what is kept."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from psylm.experiment.scorer import Scorer
from psylm.measures import MEASURES
from psylm.measures.trials import sentence_trials
from psylm.runs.score_cache import ScoreCache
from tests.measures.test_whole_and_parts import JAPANESE
from tests.tokenizers import kinds  # noqa: F401

pytestmark = pytest.mark.slow


TARGETS = ["そば", "塩", "静か", "料理"]
ASKED = [
    ("cloze", {"top_k": 0}),
    ("surprisal", {"words": "all"}),
    ("surprisal", {}),
    ("surprisal", {"words": "all", "correction": False, "quantities": ["surprisal", "entropy", "rank"]}),
    ("sentence_surprisal", {}),
    ("pseudo_log_likelihood", {"units": ["token", "word", "sentence"]}),
    ("pseudo_log_likelihood", {"variant": "original"}),
]


@pytest.fixture(scope="module")
def metaspace(tmp_path_factory):
    """A masked model whose vocabulary of SentencePiece's kind has tokens across the edges of Japanese words."""
    import torch
    from tokenizers import processors
    from transformers import BertConfig, BertForMaskedLM

    from psylm.models import load_model
    from tests.conftest import pieces

    torch.manual_seed(9)
    folder = tmp_path_factory.mktemp("metaspace")
    names = {
        "unk_token": "<unk>",
        "pad_token": "<pad>",
        "cls_token": "<s>",
        "sep_token": "</s>",
        "mask_token": "<mask>",
    }
    fast = pieces(names, [])
    backend = fast.backend_tokenizer
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[(name, backend.token_to_id(name)) for name in ("<s>", "</s>")]
    )
    fast.save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(fast), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=24,
        max_position_embeddings=128, initializer_range=0.5,
    )  # fmt: skip
    BertForMaskedLM(config).save_pretrained(folder)
    return load_model(f"file:{folder}", device="cpu")


def values(model, number, trials):
    """What a measure gives, by what names each row; measures that a family does not have give nothing."""
    name, options = ASKED[number]
    asked = MEASURES[name]
    if model.info.family not in asked.families:
        return {}
    table = asked.function(model, trials, asked.options(**options))
    numbered = itertools.count()
    return {
        (trial, region, word, text, measure, next(numbered) if region == "completion" else 0): (value, note)
        for trial, region, word, text, measure, value, note in table.itertuples(index=False)
    }


def same(found, expected):
    assert found.keys() == expected.keys()
    for key, (value, note) in expected.items():
        assert found[key][1] == note
        assert found[key][0] == pytest.approx(value, abs=1e-4, nan_ok=True), key


FAMILIES = ["byte-level", "unigram", "metaspace", "masked", "permuted", "t5", "bart"]


def model_of(family, request):
    made = request.getfixturevalue("kinds")
    return made[family] if family in made else request.getfixturevalue(family)


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order=st.lists(st.sampled_from(range(len(ASKED))), min_size=2, max_size=5),
    sets=st.lists(st.permutations(range(len(JAPANESE))).map(lambda p: p[:3]), min_size=5, max_size=5),
)
def test_measures_in_any_company_are_measures_alone(family, request, kinds, order, sets):  # noqa: F811
    model = model_of(family, request)
    model.remembered.clear()
    for number, chosen in zip(order, sets, strict=False):
        sentences = [JAPANESE[n] for n in chosen]
        trials = sentence_trials(sentences, targets=[TARGETS[n] for n in chosen], language="ja")
        together = values(model, number, trials)
        before, model.remembered = model.remembered, {}
        for _, one in trials.groupby("trial"):
            model.remembered = {}
            alone = values(model, number, one)
            same({key: value for key, value in together.items() if key[0] == one["trial"].item()}, alone)
        model.remembered = before


def test_cloze_before_surprisal_changes_no_word(metaspace):
    """The case that was found: the target's cuts, remembered, were taken for the whole text's own tokens."""
    trials = sentence_trials(JAPANESE, targets=TARGETS, language="ja")
    metaspace.remembered.clear()
    alone = values(metaspace, 1, trials)
    metaspace.remembered.clear()
    values(metaspace, 0, trials)
    same(values(metaspace, 1, trials), alone)
    uncut = [metaspace.tokenizer.encode(text).ids for text in JAPANESE]
    starts = zip(JAPANESE, TARGETS, strict=True)
    spans = [(text.index(target), text.index(target) + len(target)) for text, target in starts]
    cut = [metaspace.tokenizer.encode(text, span).ids for text, span in zip(JAPANESE, spans, strict=True)]
    assert cut != uncut, "the test is about targets that a token straddles"


def test_a_word_of_a_long_text_has_one_window(kinds):  # noqa: F811
    """Windows begin at the same tokens whatever is asked: a target scores as it does among all words."""
    model = kinds["byte-level"]
    text = " ".join(f"The cook tasted the soup number {n} and added salt." for n in range(12))
    options = MEASURES["surprisal"].options(words="all", window=40, overlap=10)
    surprisal = MEASURES["surprisal"].function
    model.remembered.clear()
    every = surprisal(model, sentence_trials([text]), options).set_index("word_id")["value"]
    one = MEASURES["surprisal"].options(window=40, overlap=10)
    for number in (0, 30, 61, 99):
        start = [n for n, c in enumerate(text) if n == 0 or text[n - 1] == " "][number]
        word = text[start:].split(" ")[0]
        trials = sentence_trials([text]).assign(target=word, start=start)
        for remembered in ({}, model.remembered):
            model.remembered = dict(remembered)
            assert surprisal(model, trials, one)["value"].item() == pytest.approx(every[number], abs=1e-4)


def test_a_window_that_is_refused_changes_nothing(kinds):  # noqa: F811
    from psylm.common.errors import InputError

    model = kinds["byte-level"]
    before = model.window, model.overlap
    for window, overlap in ((10_000, None), (20, 19)):
        with pytest.raises(InputError), model.reading(window, overlap):
            pass
        assert (model.window, model.overlap) == before


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations([0, 1, 2, 4, 5]), seed=st.integers(0, 99))
def test_kept_scores_are_those_that_are_computed(metaspace, tmp_path_factory, order, seed):
    cache = ScoreCache(tmp_path_factory.mktemp("kept") / "scores.sqlite")
    rows = np.random.default_rng(seed).permutation(len(JAPANESE))
    trials = sentence_trials(JAPANESE, targets=TARGETS, language="ja")
    for number, keep in itertools.product(order, (cache, cache, None)):
        name, options = ASKED[number]
        asked = MEASURES[name]
        if metaspace.info.family not in asked.families:
            continue
        scorer = Scorer(metaspace.info.name, device="cpu", dtype="float32", cache=keep)
        table = scorer.score(asked, asked.options(**options), trials.iloc[rows])
        metaspace.remembered.clear()
        expected = asked.function(metaspace, trials, asked.options(**options))
        both = [one.sort_values(["trial", "region", "word_id", "word", "measure"]) for one in (table, expected)]
        assert both[0]["value"].tolist() == pytest.approx(both[1]["value"].tolist(), abs=1e-4, nan_ok=True)
        assert both[0]["note"].tolist() == both[1]["note"].tolist()


def test_languages_in_one_table_change_no_value(kinds):  # noqa: F811
    model = kinds["byte-level"]
    mixed = sentence_trials(["猫が窓の", "the soup"], contexts=["猫", "the"]).assign(language=["ja", "en"])
    found = {}
    for rows in (mixed, mixed.iloc[::-1], mixed.iloc[:1], mixed.iloc[1:]):
        table = MEASURES["continuation"].function(model, rows, MEASURES["continuation"].options())
        for trial, measure, value in table[["trial", "measure", "value"]].itertuples(index=False):
            assert math.isclose(found.setdefault((trial, measure), value), value, abs_tol=1e-4)
