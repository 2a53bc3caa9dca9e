"""Cloze against distributions computed by hand from the network's own logits."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import torch

from psylm.measures import MEASURES
from psylm.measures.cloze import Blank, candidate_shares, rank_in
from psylm.measures.completions import Completion, single_token_completions, word_completions
from tests.measures.test_surprisal import score

FRAME = "The cook tasted the {} and added salt."


def frame(words, sentence=FRAME, context="", language="en"):
    table = pd.DataFrame({"target": words, "sentence": [sentence.format(word) for word in words]})
    return table.assign(
        trial=range(len(table)), item="1", condition=words, context=context,
        start=sentence.index("{"), language=language,
    )  # fmt: skip


def values(table, measure, region="target"):
    return table[(table["measure"] == measure) & (table["region"] == region)]["value"].to_numpy()


def next_token(causal, text):
    ids = torch.tensor([[causal.tokenizer.bos, *causal.tokenizer.encode(text).ids]])
    with torch.inference_mode():
        return causal.network(input_ids=ids).logits[0, -1].log_softmax(-1).double()


def test_cloze_is_two_to_the_minus_surprisal(causal, masked):
    for model in (causal, masked):
        table = frame(["soup", "salt", "windowpane"])
        probability = values(score(model, "cloze", table), "cloze")
        bits = score(model, "surprisal", table)["value"].to_numpy()
        assert probability == pytest.approx(2.0**-bits, rel=1e-5)


def test_candidates_are_renormalised_within_their_frame(causal):
    two = pd.concat([frame(["soup", "salt"]), frame(["cat", "keys"], "A tall {} slept.")], ignore_index=True)
    two = two.assign(trial=range(4), item=["1", "1", "2", "2"])
    table = score(causal, "cloze", two)
    p, share = values(table, "cloze"), values(table, "cloze_candidates")
    assert share == pytest.approx([*(p[:2] / p[:2].sum()), *(p[2:] / p[2:].sum())])


def test_the_same_target_in_two_conditions_of_a_frame_is_one_candidate(causal, masked):
    """By hand: p / (p + q), whether one trial puts the word there or two do."""
    for model in (causal, masked):
        trials = frame(["soup", "salt", "soup"]).assign(condition=["expected", "unexpected", "repeated"])
        table = score(model, "cloze", trials)
        p, q, again = values(table, "cloze")
        assert p == again
        assert values(table, "cloze_candidates") == pytest.approx([p / (p + q), q / (p + q), p / (p + q)], rel=1e-6)


def test_a_frame_whose_trials_all_have_one_target_has_nothing_to_choose_from(causal):
    table = score(causal, "cloze", frame(["soup", "soup"]))
    assert len(values(table, "cloze")) == 2 and "cloze_candidates" not in set(table["measure"])


def test_a_share_that_another_candidate_leaves_open_is_noted():
    shares, sizes = candidate_shares(np.log([0.5, np.nan, 0.2]), ["f", "f", "g"], ["a", "b", "a"])
    assert np.isnan(shares[:2]).all() and shares[2] == 1 and sizes.tolist() == [2, 2, 1]


def test_a_word_that_two_tokens_write_is_listed_once(permuted):
    """In text without spaces SentencePiece has a word with and without the mark of a space."""
    blank = torch.full((len(permuted.tokenizer),), -20.0)
    with_mark, without = (permuted.tokenizer.identity(piece) for piece in ("▁t", "t"))
    blank[with_mark], blank[without] = -1.0, -2.0
    found = single_token_completions(permuted, blank, 5, spaced=False)
    words = [completion.word for completion in found]
    assert len(words) == len(set(words)) == 5
    assert found[0] == Completion("t", -1.0)


def test_entropy_and_rank_of_a_single_token(causal):
    log_p = next_token(causal, "The cook tasted the")
    table = score(causal, "cloze", frame(["soup"]), correction=False)
    nats = -(log_p.exp() * log_p).sum().item()
    assert values(table, "entropy")[0] == pytest.approx(nats / math.log(2), abs=1e-4)
    tokens = causal.tokenizer.encode(" soup").ids
    word = log_p[tokens[0]].item()
    for count in range(1, len(tokens)):
        text = "The cook tasted the" + causal.tokenizer.text(tokens[:count])
        word += next_token(causal, text)[tokens[count]].item()
    assert values(table, "rank")[0] == 1 + (log_p > word).sum().item()


def test_the_completions_of_a_blank_depend_on_its_own_language(permuted):
    """Not on that of the first trial: in Japanese a word needs no mark of a space before it."""
    english, japanese = (
        frame(["soup"], "The {} is"),
        frame(["soup"], "A {} is", language="ja").assign(trial=1, item="2"),
    )

    def completions(*trials):
        table = score(permuted, "cloze", pd.concat(trials))
        rows = table[table["region"] == "completion"]
        return {trial: mine["word"].tolist() for trial, mine in rows.groupby("trial")}

    alone = completions(english) | completions(japanese)
    assert completions(english, japanese) == completions(japanese, english) == alone and alone[0] != alone[1]


@pytest.mark.parametrize("rounding", [-1e-6, 0.0, 1e-6])
def test_a_single_token_never_ranks_after_itself(rounding):
    """Its log-probability may come from another pass, in another batch, and differ in the last digit."""
    distribution = torch.tensor([0.1, 0.4, 0.2, 0.3]).log()
    blank = Blank(distribution, 0.0, [])
    assert [rank_in(blank, distribution[token].item() + rounding, (token,)) for token in range(4)] == [4, 1, 3, 2]
    assert rank_in(blank, math.log(0.25), (1, 3)) == 3  # a word of two tokens: 0.4 and 0.3 are more probable


def test_a_masked_blank_is_one_mask_whatever_the_target(masked):
    text = masked.tokenizer.encode("the cook tasted the")
    end = masked.tokenizer.encode("and added salt.")
    ids = masked.sequence((*text.ids, masked.tokenizer.mask, *end.ids))
    with torch.inference_mode():
        log_p = masked.network(input_ids=torch.tensor([ids])).logits[0, len(text.ids) + 1].log_softmax(-1)
    nats = -(log_p.exp() * log_p).sum().item()
    table = score(masked, "cloze", frame(["soup", "windowpane"]), top_k=3)
    assert values(table, "entropy") == pytest.approx([nats / math.log(2)] * 2, abs=1e-4)
    best = [
        token
        for token in log_p.argsort(descending=True).tolist()
        if masked.tokenizer.fast.decode([token]).isalnum() and token > 4
    ]
    first = table[(table["region"] == "completion") & (table["trial"] == 0)]
    assert first["word"].tolist() == [masked.tokenizer.fast.decode([token]) for token in best[:3]]
    assert first["value"].tolist() == pytest.approx(log_p[best[:3]].exp().tolist(), rel=1e-4)


def test_without_right_context_a_masked_model_sees_only_the_mark_that_ends_the_sentence(masked):
    cut = values(score(masked, "cloze", frame(["soup"]), right_context=False), "cloze")
    short = values(score(masked, "cloze", frame(["soup"], "The cook tasted the {}.")), "cloze")
    assert cut == pytest.approx(short)


def test_completions_are_the_best_words_there_are(causal):
    """Best-first search against all words of up to two tokens, each scored on its own."""
    prefix = "The cook tasted the"
    ids = (causal.tokenizer.bos, *causal.tokenizer.encode(prefix).ids)
    first = next_token(causal, prefix)
    [found] = word_completions(causal, [ids], [first.float()], 5, correction=True)
    begins = causal.begins_unit
    starts = [t for t in range(len(first)) if causal.tokenizer.begins_word(t, spaced=True)]
    with torch.inference_mode():
        rows = torch.tensor([[*ids, token] for token in starts])
        after = causal.network(input_ids=rows).logits[:, -1].log_softmax(-1).double()
    over = after.masked_fill(~begins, -torch.inf).logsumexp(-1)
    base = first.masked_fill(~begins, -torch.inf).logsumexp(-1)
    one = {causal.tokenizer.text((t,)).strip(): (first[t] + over[i] - base).item() for i, t in enumerate(starts)}
    best_of_one_token = sorted(one.items(), key=lambda item: -item[1])
    worst = found[-1].log_probability
    assert {word for word, p in best_of_one_token if p > worst + 1e-4} <= {c.word for c in found}
    probabilities = [completion.log_probability for completion in found]
    assert probabilities == sorted(probabilities, reverse=True)
    table = frame([completion.word for completion in found], "The cook tasted the {}")
    assert values(score(causal, "cloze", table), "cloze") == pytest.approx(
        [math.exp(p) for p in probabilities], rel=1e-4
    )


def test_a_model_without_a_beginning_gives_nan_for_a_blank_at_the_start(headless_folder):
    from psylm.models import load_model

    model = load_model(f"file:{headless_folder}", device="cpu")
    table = score(model, "cloze", frame(["Soup"], "{} was tasted."))
    assert table["value"].isna().all() and table["note"].str.contains("beginning-of-sequence").all()


def test_options_that_do_not_exist_are_refused():
    with pytest.raises(ValueError, match="top_q"):
        MEASURES["cloze"].options(top_q=3)
