"""The parts of a text add up to the whole, whatever its characters, tokenizer and units."""

from __future__ import annotations

import json
import math
import unicodedata
from itertools import pairwise

import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from psylm.measures import MEASURES
from psylm.measures.trials import sentence_trials
from psylm.measures.words import NO_TOKEN, SHARED, UNKNOWN, UNKNOWN_CONTEXT
from psylm.models import load_model
from tests.tokenizers import KINDS, kinds  # noqa: F401

pytestmark = pytest.mark.slow


LN2 = math.log(2)
UNITS = ["token", "word", "region", "sentence"]


def score(model, name, trials, **options):
    asked = MEASURES[name]
    return asked.function(model, trials, asked.options(**options))


def tokens_of(model, text):
    """Tokens and their characters, from `transformers` itself."""
    found = model.tokenizer.fast(text, add_special_tokens=False, return_offsets_mapping=True, split_special_tokens=True)
    return found["input_ids"], found["offset_mapping"]


def log_probabilities(model, ids):
    """Distributions before each token and after the last, after the model's beginning of a text."""
    begun = model.sequence(())
    with torch.inference_mode():
        logits = model.network(input_ids=torch.tensor([[*begun, *ids]])).logits[0]
    return logits.double().log_softmax(-1)[len(begun) - 1 :]


def bits(model, ids, skip=0):
    p = log_probabilities(model, ids)
    return sum(-p[place, token].item() for place, token in enumerate(ids) if place >= skip) / LN2


SOME = "the soup. a  \t\n\u00a0\u3000\u200b\u200d\ufeff\u00ade\u0301éא猫が窓🙂👩-’'\"ß\u2028"
characters = st.one_of(st.sampled_from(SOME), st.characters(exclude_categories=["Cs"]))
texts = st.text(characters, min_size=1, max_size=14).filter(lambda text: text.strip())


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=texts, edges=st.lists(st.integers(0, 14), max_size=2))
@example(text="the  soup\n\nthe\tsoup", edges=[4])
@example(text="  the soup  ", edges=[5])
@example(text="the \u200b soup", edges=[])
@example(text="the\nsoup.\n a", edges=[9])
@example(text="猫が窓の", edges=[2])
@example(text="the soup", edges=[6])
def test_the_parts_of_any_text_add_up_to_it(kinds, kind, text, edges):  # noqa: F811
    model = kinds[kind]
    ids, spans = tokens_of(model, text)
    places = sorted({0, len(text), *(edge for edge in edges if edge < len(text))})
    regions = json.dumps([[str(a), a, b] for a, b in pairwise(places)])
    trials = sentence_trials([text], regions=[regions])
    table = score(model, "surprisal", trials, units=UNITS, correction=False)
    whole = score(model, "sentence_surprisal", trials)
    assert bool(whole["value"].isna().item()) == (whole["note"].item() == UNKNOWN)
    unknown = model.tokenizer.fast.unk_token_id in ids
    if whole["note"].item() == UNKNOWN:
        covered = {at for start, end in spans for at in range(start, end)}
        assert unknown or any(c.isalnum() and at not in covered for at, c in enumerate(text))
        assert table["note"].isin([UNKNOWN]).any() and (table["value"].isna() | table["value"].ge(0)).all()
        return
    assert not unknown and whole["value"].item() == pytest.approx(bits(model, ids), abs=1e-3)
    sums = table[table["word_id"] == -1]
    parts = {
        "token": table[table["region"] == "token"],
        "word": table[(table["word_id"] >= 0) & (table["region"] != "token")],
        "region": sums[sums["region"] != "sentence"],
        "sentence": sums[sums["region"] == "sentence"],
    }
    assert len(parts["token"]) == len(ids)
    for unit, rows in parts.items():
        if rows["value"].notna().all():
            assert (rows["note"] == "").all()
            assert rows["value"].sum() == pytest.approx(whole["value"].item(), abs=1e-3), unit
        assert unit in ("word", "region") or rows["value"].notna().all()
    for note in set(table["note"]) - {""}:
        shared = any(text[a:b].strip() and len(text[a:b].strip()) > 1 for a, b in spans)
        bare = any(not any(a <= at < b for a, b in spans) for at, c in enumerate(text) if not c.isspace())
        assert {SHARED: shared, NO_TOKEN: bare}[note]
    for _, row in parts["region"].iterrows():
        inside = [
            edge for edge in (int(row["region"]), int(row["region"]) + len(row["word"]))
            if any(text[a:edge].strip() and text[edge:b].strip() for a, b in spans)
        ]  # fmt: skip
        assert bool(inside) == (row["note"] == SHARED)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=texts)
@example(text="the  soup\n\nthe\tsoup")
@example(text=" the soup. ")
def test_with_the_correction_only_the_outer_edges_remain(kinds, kind, text):  # noqa: F811
    """Each factor p(B | ...) of a word's end is that of the next word's beginning: the sum telescopes."""
    model = kinds[kind]
    ids, spans = tokens_of(model, text)
    table = score(model, "surprisal", sentence_trials([text]), units=["word", "sentence"])
    total = table[table["word_id"] == -1]["value"].item()
    words = table[table["word_id"] >= 0]["value"]
    if math.isnan(total):
        return
    p = log_probabilities(model, ids)
    share = (p.exp() @ model.begins_unit.double()).log() / LN2
    expected = bits(model, ids)
    if ids:
        expected += share[0].item() if model.begins_unit[ids[0]] else 0
        expected -= 0 if text[max(spans[-1][1] - 1, 0) : spans[-1][1]].isspace() else share[-1].item()
    assert total == pytest.approx(expected, abs=1e-3)
    if words.notna().all():
        assert words.sum() == pytest.approx(expected, abs=1e-3)


def test_what_stands_between_a_context_and_a_sentence_is_counted_once(kinds):  # noqa: F811
    """A line break of the context is given, and no space is added; a space at its end is the next word's."""
    for kind in ("byte-level", "byte-fallback"):
        model = kinds[kind]
        for context, sentence, text in [
            ("the soup,\n", "the", "the soup,\nthe"),
            ("the soup, ", "the", "the soup, the"),
            ("the soup,", "the", "the soup, the"),
            ("the soup,", "\nthe", "the soup,\nthe"),
        ]:
            trials = sentence_trials([sentence], contexts=[context], targets=["the"])
            before = len(tokens_of(model, context.rstrip(" "))[0])
            expected = bits(model, tokens_of(model, text)[0], before)
            assert score(model, "sentence_surprisal", trials)["value"].item() == pytest.approx(expected, abs=1e-3)
            for options in ({}, {"words": "all"}):
                value = score(model, "surprisal", trials, correction=False, **options)["value"].item()
                assert value == pytest.approx(expected, abs=1e-3)


def test_a_word_of_no_width_is_told_and_its_sentence_is_known(tmp_path, kinds):  # noqa: F811
    """A tokenizer that cleans its text makes no token of it."""
    from tokenizers import normalizers
    from transformers import AutoTokenizer

    kinds["wordpiece"].network.save_pretrained(tmp_path)
    kinds["wordpiece"].tokenizer.fast.save_pretrained(tmp_path)
    fast = AutoTokenizer.from_pretrained(tmp_path)
    fast.backend_tokenizer.normalizer = normalizers.BertNormalizer()
    fast.save_pretrained(tmp_path)
    model = load_model(f"file:{tmp_path}", device="cpu")
    table = score(model, "surprisal", sentence_trials(["the \u200b soup"]), units=["word", "sentence"])
    assert table["note"].tolist() == ["", NO_TOKEN, "", ""]
    assert table["value"].isna().tolist() == [False, True, False, False]
    assert table["value"].iloc[-1] == pytest.approx(table["value"].iloc[:3].sum())
    uncorrected = score(model, "surprisal", sentence_trials(["the \u200b soup"]), units=["sentence"], correction=False)
    assert uncorrected["value"].item() == pytest.approx(bits(model, tokens_of(model, "the soup")[0]), abs=1e-3)


JAPANESE = [
    "猫が窓のそばで眠っている。",
    "料理人は味噌汁に塩を入れた。",
    "子どもが眠っているので、静かに窓を閉めた。",
    "塩がなければ、料理の味は薄い。",
]


@pytest.mark.parametrize("kind", KINDS)
def test_every_boundary_of_unspaced_text_may_be_one_of_context_and_sentence(kinds, kind):  # noqa: F811
    """A token boundary is forced: the tokens before it, and after it those of text that goes on, without a mark."""
    model = kinds[kind]
    fast = model.tokenizer.fast
    straddled = marked = count = 0
    for text in JAPANESE:
        whole = fast.convert_ids_to_tokens(list(model.tokenizer.encode(text).ids))
        for cut in range(1, len(text)):
            encoding = model.tokenizer.encode(text, (cut,))
            names = fast.convert_ids_to_tokens(list(encoding.ids))
            count += 1
            straddled += names != whole
            before = encoding.after(cut)
            assert all(end <= cut for end in encoding.ends[:before])
            assert all(start >= cut for start in encoding.starts[before:])
            marked += any("▁" in name for name in names[before:])
            trials = sentence_trials([text[cut:]], contexts=[text[:cut]], language="ja")
            row = score(model, "sentence_surprisal", trials).iloc[0]
            spelt = score(model, "continuation", trials).iloc[0]
            if model.tokenizer.unknown.isdisjoint(encoding.ids):
                assert row["value"] == pytest.approx(bits(model, encoding.ids, before), abs=1e-3)
                assert spelt["value"] == pytest.approx(-row["value"] * LN2, abs=1e-3)
                assert model.tokenizer.text(encoding.ids).strip() == text or kind == "wordpiece"
            elif not model.tokenizer.unknown.isdisjoint(encoding.ids[before:]):
                assert math.isnan(row["value"]) and row["note"] == spelt["note"] == UNKNOWN
            else:
                assert row["note"] == UNKNOWN_CONTEXT
    assert marked == 0 and count == sum(len(text) - 1 for text in JAPANESE)
    assert straddled > 0, "the test is about tokens that are cut"


def test_a_wordpiece_that_is_cut_goes_on_with_its_word(kinds):  # noqa: F811
    model = kinds["wordpiece"]
    names = model.tokenizer.fast.convert_ids_to_tokens(list(model.tokenizer.encode("window", (3,)).ids))
    assert "".join(name.removeprefix("##") for name in names) == "window" and all(n[:2] == "##" for n in names[1:])
    assert any("".join(names[:n]).replace("##", "") == "win" for n in range(len(names)))


def test_a_target_is_found_by_whole_characters():
    from psylm.common.errors import InputError

    apart = unicodedata.normalize("NFD", "un café noir")
    found = sentence_trials([apart], targets=["café"])
    assert found[["target", "start"]].values.tolist() == [[apart[3:8], 3]]
    with pytest.raises(InputError, match="'cafe'"):
        sentence_trials([apart], targets=["cafe"])
    with pytest.raises(InputError):
        sentence_trials(["ein 👩\u200d👧 da"], targets=["👩"])


def test_no_value_of_a_word_that_shares_a_token(kinds):  # noqa: F811
    """が窓 is a token: neither が nor 窓の has a probability by tokens, but the sentence has."""
    model = kinds["byte-fallback"]
    table = score(model, "surprisal", sentence_trials(["猫が窓の"], language="ja"), units=["word", "sentence"])
    notes = dict(zip(table["word"], table["note"], strict=True))
    assert notes["が"] == notes["窓"] == SHARED and notes["猫"] == "" and notes["猫が窓の"] == ""
    assert table["value"].isna().tolist() == [note == SHARED for note in table["note"]]
