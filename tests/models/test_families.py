"""Permutation and encoder-decoder models against `transformers`, one token and one text at a time."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import log_softmax

from psylm.common.errors import PsylmError
from psylm.measures import measures
from psylm.measures.trials import sentence_trials
from psylm.models import load_model
from tests.conftest import TEXT, pieces

ENGLISH = TEXT[:5]
BITS = 1 / math.log(2)


def score(model, name, trials, **options):
    asked = measures()[name]
    return asked.function(model, trials, asked.options(**options))


def xlnet_log_probability(model, ids, place, unseen):
    """Log-probability of the token at a place, `unseen` hidden from all; without it, all that comes later."""
    hidden = torch.zeros(1, len(ids), len(ids)) if unseen else torch.ones(1, len(ids), len(ids)).triu()
    hidden[:, :, list(unseen)] = 1
    target = torch.zeros(1, 1, len(ids))
    target[0, 0, place] = 1
    with torch.inference_mode():
        logits = model.network(input_ids=torch.tensor([ids]), perm_mask=hidden, target_mapping=target).logits
    return log_softmax(logits[0, 0], -1)[ids[place]].item()


def test_xlnet_reads_from_left_to_right(permuted):
    values = score(permuted, "sentence_surprisal", sentence_trials(ENGLISH))["value"]
    for value, sentence in zip(values, ENGLISH, strict=True):
        ids = [permuted.tokenizer.bos, *permuted.tokenizer.encode(sentence).ids]
        # What comes later is not there at all.
        parts = [xlnet_log_probability(permuted, ids[: place + 1], place, []) for place in range(1, len(ids))]
        assert value == pytest.approx(-sum(parts) * BITS, abs=1e-3)


def test_xlnet_sees_both_sides_for_a_pseudo_log_likelihood(permuted):
    values = score(permuted, "pseudo_log_likelihood", sentence_trials(ENGLISH), variant="original")["value"]
    for value, sentence in zip(values, ENGLISH, strict=True):
        text = permuted.tokenizer.encode(sentence).ids
        ids = list(permuted.sequence(text))
        parts = [xlnet_log_probability(permuted, ids, place, [place]) for place in range(len(text))]
        assert value == pytest.approx(sum(parts), abs=1e-3)


def test_t5_fills_a_span_after_its_sentinel(t5):
    sentence, word = ENGLISH[0], "soup"
    value = score(t5, "surprisal", sentence_trials([sentence], targets=[word]))["value"].item()
    start = sentence.index(word)
    encoding = t5.tokenizer.encode(sentence, (start, start + len(word)))
    first, last = encoding.within((start, start + len(word)))
    gap = t5.tokenizer.identity("<extra_id_0>")
    source = torch.tensor([[*encoding.ids[:first], gap, *encoding.ids[last:], 2]])
    labels = torch.tensor([[-100, *encoding.ids[first:last]]])
    read = torch.tensor([[0, gap, *encoding.ids[first : last - 1]]])
    with torch.inference_mode():
        loss = t5.network(input_ids=source, decoder_input_ids=read, labels=labels).loss.item()
    assert value == pytest.approx(loss * (last - first) * BITS, abs=1e-3)


def test_bart_writes_the_text_again(bart):
    sentence, word = ENGLISH[1], "opened"
    value = score(bart, "surprisal", sentence_trials([sentence], targets=[word]))["value"].item()
    start = sentence.index(word)
    encoding = bart.tokenizer.encode(sentence, (start, start + len(word)))
    first, last = encoding.within((start, start + len(word)))
    source = torch.tensor([[*encoding.ids[:first], bart.tokenizer.mask, *encoding.ids[last:], 2]])
    written = [*encoding.ids[:last]]
    labels = torch.tensor([[-100] * first + written[first:]])
    read = torch.tensor([[2, *written[:-1]]])
    with torch.inference_mode():
        loss = bart.network(input_ids=source, decoder_input_ids=read, labels=labels).loss.item()
    assert value == pytest.approx(loss * (last - first) * BITS, abs=1e-3)


@pytest.mark.parametrize("family", ["t5", "bart"])
def test_a_continuation_is_what_the_decoder_writes(family, request):
    model = request.getfixturevalue(family)
    trials = sentence_trials([ENGLISH[1], ENGLISH[2]], contexts=[ENGLISH[0], ENGLISH[0]])
    found = score(model, "continuation", trials)
    for trial in range(2):
        source = [*model.tokenizer.encode(ENGLISH[0]).ids, 2]
        labels = model.tokenizer.encode(trials["sentence"][trial]).ids
        with torch.inference_mode():
            loss = model.network(input_ids=torch.tensor([source]), labels=torch.tensor([labels])).loss.item()
        mine = found[found["trial"] == trial].set_index("measure")["value"]
        assert mine["continuation"] == pytest.approx(-loss * len(labels), abs=1e-3)
        assert mine["continuation_per_token"] == pytest.approx(-loss, abs=1e-4)


@pytest.mark.parametrize("family", ["permuted", "t5", "bart"])
def test_company_changes_no_score(family, request):
    """Padding of encoder, decoder and streams is not seen."""
    model = request.getfixturevalue(family)
    together = score(model, "surprisal", sentence_trials(ENGLISH), words="all")
    for trial, sentence in enumerate(ENGLISH):
        model.remembered.clear()
        alone = score(model, "surprisal", sentence_trials([sentence]), words="all")["value"]
        assert together[together["trial"] == trial]["value"].tolist() == pytest.approx(alone.tolist(), abs=1e-3)


def by_hand(model, target):
    """Probability of a target of the first sentence, both sides seen."""
    trials = sentence_trials([ENGLISH[0]], targets=[target])
    if model.family == "seq2seq":
        return 2.0 ** -score(model, "surprisal", trials)["value"].item()
    start = trials["start"].item()
    encoding = model.tokenizer.encode(ENGLISH[0], (start, start + len(target)))
    first, last = encoding.within((start, start + len(target)))
    ids = list(model.sequence(encoding.ids))
    parts = [xlnet_log_probability(model, ids, place, range(place, last)) for place in range(first, last)]
    return math.exp(sum(parts))


def test_cloze_works_for_every_family(permuted, t5, bart):
    trials = sentence_trials([ENGLISH[0]] * 2, targets=["soup", "salt"], items=["1", "1"])
    for model in (permuted, t5, bart):
        table = score(model, "cloze", trials, top_k=3)
        cloze = table[(table["measure"] == "cloze") & (table["region"] == "target")]["value"]
        assert cloze.tolist() == pytest.approx([by_hand(model, target) for target in trials["target"]], rel=1e-3)
        best = table[table["region"] == "completion"]
        assert len(best) == 6 and best["value"].between(0, 1).all()


def test_an_encoder_decoder_model_without_a_way_to_mark_a_gap_is_refused(tmp_path):
    from transformers import T5Config, T5ForConditionalGeneration

    fast = pieces({"pad_token": "<pad>", "unk_token": "<unk>", "eos_token": "</s>"}, ["</s>"])
    fast.save_pretrained(tmp_path)
    config = T5Config(
        vocab_size=len(fast), d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2, decoder_start_token_id=0
    )
    T5ForConditionalGeneration(config).save_pretrained(tmp_path)
    with pytest.raises(PsylmError, match="neither <extra_id_0> nor a mask token"):
        load_model(f"file:{tmp_path}", device="cpu")
