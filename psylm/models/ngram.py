"""Baselines without a network: word frequencies and Kneser-Ney n-grams, asked like any other model."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from psylm.common.errors import InputError, Problem
from psylm.common.language import written_without_spaces
from psylm.common.yaml_document import read_text
from psylm.models.base import LanguageModel, ModelInfo
from psylm.models.causal import CausalModel
from psylm.models.kneser_ney import KneserNey
from psylm.models.memory import LOGITS, TOKENS, Allowance
from psylm.models.query import Row, padded
from psylm.models.tokens import Tokenizer

BEGIN, END, UNKNOWN = "<s>", "</s>", "<unk>"
WORD = r"[\p{L}\p{M}\p{N}]+(?:['’\-][\p{L}\p{M}\p{N}]+)*"
MARK = r"[^\s\p{L}\p{M}\p{N}]"
LEAST_FREQUENCY = 1e-9
"""Frequency of a word that `wordfreq` does not list: below the rarest that it does."""
KEPT = 4096
"""Contexts whose distribution is kept."""


class Table:
    """Stands where other models have a network: gives log-probabilities for the words before.

    Parameters
    ----------
    size
        Words in the vocabulary.
    reach
        How many words before are looked at.
    log_probabilities
        Natural log-probabilities [size] after a context of `reach` words, -1 for none.
    """

    device = torch.device("cpu")
    dtype = torch.float32

    def __init__(self, size: int, reach: int, log_probabilities: Callable[[tuple[int, ...]], Tensor]) -> None:
        self.size = size
        self.reach = reach
        self._log_probabilities = lru_cache(max(1, min(KEPT, LOGITS // size)))(log_probabilities)

    def __call__(self, contexts: Tensor) -> Tensor:
        """Return the log-probabilities [contexts, size] after contexts [contexts, reach]."""
        return torch.stack([self._log_probabilities(tuple(context)) for context in contexts.tolist()])


class NgramModel(CausalModel):
    """Predicts a word from the few before it, or from none; its tokens are words."""

    family = "ngram"
    _branches = False

    def _make_head(self, network: Any) -> Any:
        return network

    def _hidden(self, rows: Sequence[Row]) -> Tensor:
        """Return, for each place, the last words up to and with the one there [rows, length, reach]."""
        reach: int = self.network.reach
        ids, _ = padded([row.ids for row in rows], 0, "cpu")
        before = torch.cat([torch.full((len(ids), max(reach - 1, 0)), -1), ids], 1)
        return before.unfold(1, reach, 1) if reach else ids[:, :, None][:, :, :0]


def load_ngram(kind: str, place: str, order: int) -> LanguageModel:
    """Load a baseline.

    Parameters
    ----------
    kind
        `wordfreq`, for the frequencies of a language, or `ngram`, for counts of a text file.
    place
        The language, or the file: one sentence a line.
    order
        Words in an n-gram.
    """
    return _frequencies(place) if kind == "wordfreq" else _counted(Path(place), order)


def _frequencies(language: str) -> LanguageModel:
    import wordfreq

    name = f"wordfreq:{language}"
    if written_without_spaces(language) or language not in wordfreq.available_languages():
        there = ", ".join(one for one in wordfreq.available_languages() if not written_without_spaces(one))
        raise InputError(Problem(f"model {name!r}", f"no word frequencies of {language!r} that can be used", there))
    frequencies = wordfreq.get_frequency_dict(language, wordlist="best")
    words = [BEGIN, END, UNKNOWN, *frequencies]
    probabilities = np.array([0, 0, LEAST_FREQUENCY, *frequencies.values()])
    with np.errstate(divide="ignore"):
        logarithms = torch.from_numpy(np.log(probabilities / probabilities.sum())).float()
    table = Table(len(words), 0, lambda _: logarithms)
    version = importlib.metadata.version("wordfreq")
    digest = hashlib.sha256(repr(sorted(frequencies.items())).encode()).hexdigest()
    licence = "Apache-2.0; data CC BY-SA 4.0"
    model = _model(name, table, words, WORD, len(frequencies), digest, f"wordfreq {version}", licence)
    model.tokenizer.unknown = frozenset()  # a word that is not listed has a frequency, too
    return model


def _counted(path: Path, order: int) -> LanguageModel:
    text = read_text(path, "a text file, one sentence a line")
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise InputError(Problem(str(path), "no sentences", "one a line"))
    number: dict[str, int] = {BEGIN: 0, END: 1, UNKNOWN: 2}
    splitter = _splitter(f"{WORD}|{MARK}")

    def sentences() -> Iterator[list[int]]:
        for line in lines:
            words = [word for word, _ in splitter.pre_tokenizer.pre_tokenize_str(line.lower())]
            yield [0, *(number.setdefault(word, len(number)) for word in words), 1]

    numbered = list(sentences())
    model = KneserNey(numbered, order, len(number), begin=0)

    def log_probabilities(context: tuple[int, ...]) -> Tensor:
        with np.errstate(divide="ignore"):
            return torch.from_numpy(np.log(model.probabilities(context))).float()

    table = Table(len(number), order - 1, log_probabilities)
    digest = hashlib.sha256(text.encode()).hexdigest()
    name = f"ngram:{path}@{order}"
    return _model(name, table, list(number), f"{WORD}|{MARK}", model.ngrams, digest, "", "that of the text")


def _model(
    name: str, table: Table, words: list[str], pattern: str, parameters: int, digest: str, revision: str, licence: str
) -> LanguageModel:
    tokenizer = Tokenizer(_word_tokenizer(words, pattern), name)
    info = ModelInfo(
        name=name,
        family="ngram",
        architecture="word frequencies" if table.reach == 0 else f"Kneser-Ney, order {table.reach + 1}",
        parameters=parameters,
        vocabulary=len(words),
        window=None,
        licence=licence,
        revision=revision,
        sha256=digest,
        dtype="float32",
        device="cpu",
        word_marking=tokenizer.word_marking,
    )
    tokenizer.start = (words.index(BEGIN),)
    return NgramModel(table, tokenizer, info, Allowance(TOKENS, max(LOGITS // table.size, 1)))


def _word_tokenizer(words: list[str], pattern: str) -> Any:
    from tokenizers import AddedToken, models
    from transformers import PreTrainedTokenizerFast

    backend = _splitter(pattern)
    backend.model = models.WordLevel({word: number for number, word in enumerate(words)}, unk_token=UNKNOWN)
    backend.add_special_tokens([AddedToken(token, special=True) for token in (BEGIN, END, UNKNOWN)])
    return PreTrainedTokenizerFast(tokenizer_object=backend, bos_token=BEGIN, eos_token=END, unk_token=UNKNOWN)


def _splitter(pattern: str) -> Any:
    """Make a tokenizer that finds words in any case, and what else the pattern says."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

    backend = Tokenizer(models.WordLevel({UNKNOWN: 0}, unk_token=UNKNOWN))
    backend.normalizer = normalizers.Lowercase()
    backend.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), behavior="removed", invert=True)
    return backend
