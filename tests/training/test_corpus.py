"""Corpora, packing and masking."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from psylm.common.errors import InputError
from psylm.common.study import BUILTIN
from psylm.scratch.masking import AS_MASK, AS_RANDOM, SELECTED, mask_tokens
from psylm.training.agreement_grammar import HELD_OUT, NOUNS, VERBS, agreeing, held_out, inflected, pairs, sentences
from psylm.training.batches import CausalBatches, MaskedBatches, PairBatches, PermutedBatches
from psylm.training.corpus import Corpus, full_sentences, read_documents, stream_dataset, write_corpus
from psylm.training.vocabulary import train_tokenizer

TEXT = [f"{text} Then it was over. It rained! 雨が降った。猫は眠った。" for text in sentences(200, seed=3)]


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(TEXT, "wordpiece", 300)


@pytest.fixture(scope="module")
def corpus(tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return write_corpus(TEXT, tokenizer, tmp_path_factory.mktemp("corpus") / "train")


# --- tokenizers


@pytest.mark.parametrize("kind", ["word", "character", "bpe", "wordpiece"])
def test_tokenizers(kind: str) -> None:
    tokenizer = train_tokenizer(["The dog barks.", "猫が眠る。"], kind, 300)
    text = "The dog barks."
    ids = tokenizer(text)["input_ids"]
    assert (ids[0], ids[-1]) == (tokenizer.cls_token_id, tokenizer.sep_token_id)
    pieces = tokenizer.convert_ids_to_tokens(ids[1:-1])
    if kind == "word":
        assert pieces == ["The", "dog", "barks", "."]
    if kind == "character":
        assert pieces == list(text)
    if kind == "bpe":  # every text, known or not, and every byte of it
        assert tokenizer.decode(tokenizer("Ünknown 犬", add_special_tokens=False)["input_ids"]) == "Ünknown 犬"
    offsets = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    assert "".join(text[a:b] for a, b in offsets).replace(" ", "") == text.replace(" ", "")


# --- corpora


def test_text_parquet_and_streams_are_the_same_corpus(tmp_path: Path) -> None:
    texts = ["One line.\nAnother line.", "A second document."]
    (tmp_path / "a.txt").write_text("\n" + "\n\n\n".join(texts) + "\n", encoding="utf-8")
    pd.DataFrame({"text": texts, "n": [1, 2]}).to_parquet(tmp_path / "a.parquet")
    assert list(read_documents([tmp_path / "a.txt"])) == texts
    assert list(read_documents([tmp_path / "a.parquet"])) == texts
    streamed = stream_dataset("parquet", {"data_files": str(tmp_path / "a.parquet")}, "text")
    assert list(streamed) == texts


def test_a_parquet_file_without_the_column(tmp_path: Path) -> None:
    pd.DataFrame({"content": ["x"]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"a\.parquet, column text: found content; expected a column text"):
        list(read_documents([tmp_path / "a.parquet"]))


def test_documents_and_sentences(tokenizer, corpus: Corpus) -> None:
    assert len(corpus.documents) == len(TEXT) + 1
    for number in (0, 57, 199):
        ids = corpus.tokens[corpus.documents[number] : corpus.documents[number + 1]]
        assert ids[0] == tokenizer.cls_token_id
        assert ids[1:].tolist() == tokenizer(TEXT[number], add_special_tokens=False)["input_ids"]
    first = corpus.sentences[: np.searchsorted(corpus.sentences, corpus.documents[1]) + 1]
    found = [tokenizer.decode(corpus.tokens[a:b], skip_special_tokens=True) for a, b in pairwise(first)]
    assert found[-4:] == ["Then it was over.", "It rained!", "雨が降った 。", "猫は眠った 。"]


def test_a_corpus_stops_at_its_limit(tokenizer, tmp_path: Path) -> None:
    whole = write_corpus(iter(TEXT * 20), tokenizer, tmp_path / "all")
    part = write_corpus(iter(TEXT * 20), tokenizer, tmp_path / "part", limit=10)
    assert 10 <= len(part.tokens) < len(whole.tokens)
    assert np.array_equal(part.tokens, whole.tokens[: len(part.tokens)])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.integers(1, 30), min_size=1, max_size=6), min_size=1, max_size=8),
    st.integers(4, 40),
    st.booleans(),
)
def test_packing_keeps_every_token_once(lengths: list[list[int]], room: int, across: bool) -> None:
    """Documents of sentences of given lengths: rows are whole sentences unless one is too long, and lose nothing."""
    sentence_ends = np.cumsum([length for document in lengths for length in document])
    document_ends = np.cumsum([sum(document) for document in lengths])
    edges = np.concatenate([[0], sentence_ends])
    corpus = Corpus(
        np.arange(edges[-1], dtype=np.int32), np.concatenate([[0], document_ends]), edges, np.ones(1, dtype=bool)
    )
    rows = full_sentences(corpus, room, across=across)
    assert rows[0, 0] == 0 and rows[-1, 1] == edges[-1]
    assert np.array_equal(rows[1:, 0], rows[:-1, 1])
    sizes = rows[:, 1] - rows[:, 0]
    assert sizes.min() > 0 and sizes.max() <= room
    for begin, end in rows:
        if end not in edges:
            assert end - begin == room  # a sentence longer than the row is cut
        if not across:
            assert not ((document_ends > begin) & (document_ends < end)).any()
    if across:  # nothing that would have fitted was left for the next row
        for (begin, end), (_, after) in pairwise(rows):
            following = edges[np.searchsorted(edges, end, side="right")] if end in edges else after
            assert following - begin > room


def test_causal_rows_follow_on_one_another(tokenizer, corpus: Corpus) -> None:
    batches = CausalBatches(corpus, tokenizer, 16, seed=1)
    batch = batches.make(range(3), 0)
    assert batch.ids.shape == (3, 17)
    assert batch.ids[:, :-1].flatten().tolist() == corpus.tokens[:48].tolist()
    assert batch.ids[1, 0] == batch.ids[0, -1]
    assert (batch.count, batch.tokens) == (48, 48)


def test_batches_are_functions_of_seed_and_place(tokenizer, corpus: Corpus) -> None:
    one, other = (MaskedBatches(corpus, tokenizer, 24, seed=5) for _ in range(2))
    other.batch(0, 7)
    for first in (0, 3, one.rows - 2, 5 * one.rows):
        a, b = one.batch(first, 4), other.batch(first, 4)
        assert a.ids.equal(b.ids) and a.targets.equal(b.targets)
    epoch = [one._order[1].tolist() for _ in range(1) if one.batch(0, 1)]
    assert sorted(epoch[0]) == list(range(one.rows))
    assert not one.batch(0, 4).ids.equal(MaskedBatches(corpus, tokenizer, 24, seed=6).batch(0, 4).ids)


def test_berts_masks_return_and_robertas_do_not(tokenizer, corpus: Corpus) -> None:
    static = MaskedBatches(corpus, tokenizer, 24, seed=5, dynamic=False)
    dynamic = MaskedBatches(corpus, tokenizer, 24, seed=5)
    assert static.make([3, 4], 2).ids.equal(static.make([3, 4], 12).ids)
    assert not static.make([3, 4], 2).ids.equal(static.make([3, 4], 3).ids)
    assert not dynamic.make([3, 4], 2).ids.equal(dynamic.make([3, 4], 12).ids)


# --- masking


def test_shares_lie_in_their_binomial_intervals() -> None:
    random = np.random.default_rng(0)
    ids = np.arange(1_000, 201_000) % 9_000 + 1_000
    maskable = np.arange(len(ids)) % 10 != 0
    ordinary = np.arange(1_000, 10_000)
    seen, selected = mask_tokens(ids, maskable, 4, ordinary, random)
    assert not selected[~maskable].any()
    assert (seen[~selected] == ids[~selected]).all()
    chosen = int(selected.sum())
    masked = int((seen[selected] == 4).sum())
    kept = int((seen[selected] == ids[selected]).sum())
    randomised = chosen - masked - kept
    coincidence = 1 / len(ordinary)
    for successes, trials, share in (
        (chosen, int(maskable.sum()), SELECTED),
        (masked, chosen, AS_MASK),
        (randomised, chosen, AS_RANDOM * (1 - coincidence)),
        (kept, chosen, 1 - AS_MASK - AS_RANDOM * (1 - coincidence)),
    ):
        assert binomtest(successes, trials, share).pvalue > 0.001


def test_another_share_can_be_masked(tokenizer, corpus: Corpus) -> None:
    batches = MaskedBatches(corpus, tokenizer, 32, seed=1, share=0.4)
    batch = batches.make(range(batches.rows), 0)
    maskable = sum(int((~batches.special[batches._framed(*span)]).sum()) for span in batches.spans)
    assert binomtest(batch.count, maskable, 0.4).pvalue > 0.001


def test_whole_words_are_selected_whole() -> None:
    random = np.random.default_rng(1)
    words = np.repeat(np.arange(40_000), np.random.default_rng(2).integers(1, 4, 40_000))
    _, selected = mask_tokens(
        np.full(len(words), 9), np.ones(len(words), dtype=bool), 4, np.arange(5, 50), random, words
    )
    by_word = pd.Series(selected).groupby(words)
    assert (by_word.nunique() == 1).all()
    assert binomtest(int(by_word.first().sum()), 40_000, SELECTED).pvalue > 0.001


def test_whole_words_of_a_wordpiece_corpus(tokenizer, corpus: Corpus) -> None:
    batches = MaskedBatches(corpus, tokenizer, 32, seed=1, whole_words=True)
    batch = batches.make(range(60), 0)
    plain = [batches._framed(*batches.spans[row]) for row in range(60)]
    cut = 0
    for row, ids in enumerate(plain):
        pieces = tokenizer.convert_ids_to_tokens(ids.tolist())
        for place, piece in enumerate(pieces):
            if piece.startswith("##"):
                cut += 1
                assert bool(batch.selected[row, place]) == bool(batch.selected[row, place - 1])
    assert cut > 50


def test_next_sentence_pairs(tokenizer, corpus: Corpus) -> None:
    batches = PairBatches(corpus, tokenizer, 40, seed=1)
    numbers = np.arange(batches.rows)
    follows = []
    for epoch in range(4):
        batch = batches.make(numbers.tolist(), epoch)
        follows += batch.follows.tolist()
        assert batch.ids.shape[1] <= 40
        for row in range(0, batches.rows, 17):
            first, second, true = batches._pair(row, batches.random(row, epoch))
            begin, end = batches.spans[row]
            whole = corpus.tokens[begin:end].tolist()
            inner = [*first[1:-1], *second[:-1]]
            if true:
                assert ([tokenizer.cls_token_id, *inner] if whole[0] == tokenizer.cls_token_id else inner) == whole
            assert (first[0], first[-1], second[-1]) == (batches.begin, batches.end, batches.end)
            segments = batch.segments[row][: len(first) + len(second)].tolist()
            assert segments == [0] * len(first) + [1] * len(second)
    assert binomtest(sum(follows), len(follows), 0.5).pvalue > 0.001


def test_orders_predict_a_sixth(tokenizer, corpus: Corpus) -> None:
    batch = PermutedBatches(corpus, tokenizer, 24, seed=1).batch(0, 8)
    assert batch.order.shape == batch.ids.shape == (8, 24)
    assert all(sorted(row) == [0] * 20 + [1, 2, 3, 4] for row in batch.order.tolist())
    assert batch.count == 32


# --- the grammar


def test_every_sentence_of_the_grammar_agrees_and_none_is_held_out() -> None:
    singular = {inflected(noun, False): noun for noun in NOUNS}
    plural = {inflected(noun, True): noun for noun in NOUNS}
    forms = {agreeing(verb, number): (verb, number) for verb in VERBS for number in (False, True)}
    for sentence in sentences(3_000, seed=1):
        words = sentence.split()
        head = next(word for word in words if word in singular or word in plural)
        verb, number = forms[[word for word in words if word in forms][-1]]
        assert number == (head in plural)
        assert not held_out(singular.get(head) or plural[head], verb)


def test_test_pairs_are_held_out_and_the_card_has_them() -> None:
    made = pd.DataFrame(pairs(24))
    kept = pd.read_csv(BUILTIN / "stimuli" / "agreement-grammar" / "items.csv", dtype=str)
    assert made.equals(kept)
    heard = set(" ".join(sentences(3_000, seed=1)).split())
    assert {word for sentence in made["sentence"] for word in sentence.split()} <= heard
    share = sum(held_out(noun, verb) for noun in NOUNS for verb in VERBS) / (len(NOUNS) * len(VERBS))
    assert abs(share - 1 / HELD_OUT) < 0.1
