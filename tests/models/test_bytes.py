"""Scripts that a vocabulary writes in bytes: the corrected probability of a word is that of the word."""

from __future__ import annotations

import math
import sys
import unicodedata
from collections import defaultdict

import pytest
import torch

from psylm.measures import MEASURES
from psylm.measures.trials import sentence_trials
from psylm.models.base import ModelInfo
from psylm.models.memory import Allowance
from psylm.models.ngram import NgramModel, Table
from psylm.models.surfaces import byte_alphabet, ends_word_before
from psylm.models.tokens import Tokenizer
from tests.tokenizers import byte_fallback

LN2 = math.log(2)
WORDS = {"אב": 0.3, "אבא": 0.2, "אבאב": 0.1, "גמל": 0.15, "גמלים": 0.05, "דג": 0.12, "ז": 0.08}
"""Words of known probability; most begin others."""


def by_bytes(merges=()):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    pieces = ["<s>", *byte_alphabet().values(), *("".join(pair) for pair in merges)]
    backend = Tokenizer(models.BPE({piece: number for number, piece in enumerate(pieces)}, list(merges)))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>", eos_token="<s>")


def spelt(text):
    return [byte_alphabet()[byte] for byte in text.encode()]


VOCABULARIES = {
    "byte fallback": lambda: byte_fallback(["▁", "a", ".", "🙂"]),
    "byte-level": by_bytes,
    "byte-level, letters and half letters": lambda: by_bytes(
        [tuple(spelt("א")), tuple(spelt("ב")), ("Ġ", spelt("ג")[0]), (spelt("ל")[1], spelt("י")[0])]
    ),
}


def known_model(fast):
    """A model of words that come one after the other, each with its probability, whatever came before."""
    tokenizer = Tokenizer(fast, "known")
    continuing = {}
    for word in WORDS:
        encoding = tokenizer.encode(f"a {word}")
        continuing[word] = encoding.ids[slice(*encoding.within((2, 2 + len(word))))]
    begins = {ids[0] for ids in continuing.values()}
    reach = max(map(len, continuing.values())) + 1
    nexts = defaultdict(lambda: defaultdict(float))
    for word, ids in continuing.items():
        for place in range(len(ids)):
            nexts[ids[:place]][ids[place]] += WORDS[word]
        nexts[ids]["over"] += WORDS[word]

    def log_probabilities(context):
        prefix = ()
        for length in range(len(context), 0, -1):
            if context[-length] in begins and tuple(context[-length:]) in nexts:
                prefix = tuple(context[-length:])
                break
        total = sum(nexts[prefix].values())
        p = torch.zeros(len(fast))
        for token, weight in nexts[prefix].items():
            if token == "over":  # the next word begins
                for first, share in nexts[()].items():
                    p[first] += weight / total * share / sum(nexts[()].values())
            else:
                p[token] += weight / total
        return p.log()

    table = Table(len(fast), reach, log_probabilities)
    info = ModelInfo(
        name="known", family="ngram", architecture="known", parameters=0, vocabulary=len(fast), window=None, licence="",
        revision="", sha256="", dtype="float32", device="cpu", word_marking=tokenizer.word_marking,
    )  # fmt: skip
    return NgramModel(table, tokenizer, info, Allowance(512, 512))


@pytest.mark.parametrize("kind", VOCABULARIES)
def test_a_word_in_bytes_has_its_own_probability(kind):
    """Without the correction, a word that begins others has theirs, too."""
    model = known_model(VOCABULARIES[kind]())
    measure = MEASURES["surprisal"]
    sentences = [f"דג {word}" for word in WORDS]
    trials = sentence_trials(sentences).assign(target=list(WORDS), start=3)
    corrected = measure.function(model, trials, measure.options())["value"].tolist()
    plain = measure.function(model, trials, measure.options(correction=False))["value"].tolist()
    assert corrected == pytest.approx([-math.log2(p) for p in WORDS.values()], abs=1e-4)
    assert max(abs(a - b) for a, b in zip(plain, corrected, strict=True)) > 0.5


def test_which_bytes_begin_a_unit():
    """By every character of Unicode: a token does if all characters that it can begin do, and no continuing byte."""
    inside = "'’-‐‑_"
    ends = defaultdict(set)
    for point in range(sys.maxunicode + 1):
        character = chr(point)
        category = unicodedata.category(character)
        if category not in ("Cn", "Co", "Cs"):
            over = character.isspace() or (category[0] in "PS" and character not in inside)
            written = character.encode()
            for length in range(1, len(written) + 1):
                ends[written[:length]].add(over)
    for prefix, found in ends.items():
        assert ends_word_before(prefix) == (found == {True}), prefix
        assert ends_word_before(b" " + prefix)
    assert not any(ends_word_before(bytes([byte])) for byte in range(0x80, 0x100))


@pytest.mark.parametrize("kind", ["byte fallback", "byte-level"])
def test_the_set_of_a_vocabulary_of_bytes(kind):
    fast = VOCABULARIES[kind]()
    begins = Tokenizer(fast, kind).begins_unit(len(fast) + 3)
    pieces = fast.convert_ids_to_tokens(list(range(len(fast))))
    found = {piece for piece, begun in zip(pieces, begins.tolist(), strict=False) if begun}
    ascii_marks = [
        chr(byte) for byte in range(128) if chr(byte).isspace() or chr(byte) in '!"#$%&()*+,./:;<=>?@[\\]^`{|}~'
    ]
    if kind == "byte fallback":
        expected = {f"<0x{ord(mark):02X}>" for mark in ascii_marks} | {"▁", ".", "🙂", "<s>", "</s>", "<unk>"}
    else:
        expected = {byte_alphabet()[ord(mark)] for mark in ascii_marks} | {"<s>"}
    assert found == expected and not begins[len(fast) :].any()
