"""The words that a model itself would put in a blank."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from psylm.models.base import LanguageModel
    from psylm.models.query import Distributions


@dataclass(frozen=True)
class Completion:
    """A word and its natural log-probability in the blank."""

    word: str
    log_probability: float


def likely_tokens(model: LanguageModel, blank: Tensor, count: int, *, spaced: bool) -> list[tuple[int, float]]:
    """Return the most probable tokens that can begin a word, best first, with their log-probabilities."""
    found = []
    best = blank.topk(min(len(blank), 4 * count + 50))
    for log_probability, token in zip(best.values.tolist(), best.indices.tolist(), strict=True):
        if model.tokenizer.begins_word(token, spaced=spaced):
            found.append((token, log_probability))
        if len(found) == count:
            break
    return found


def single_token_completions(model: LanguageModel, blank: Tensor, count: int, *, spaced: bool) -> list[Completion]:
    """Return the most probable completions of one token: all that a masked model's single blank allows.

    A word that several tokens write (with and without the mark of a space before it) is listed once, by the best.
    """
    found: dict[str, Completion] = {}
    for token, log_probability in likely_tokens(model, blank, 2 * count, spaced=spaced):
        word = model.tokenizer.text((token,)).strip()
        found.setdefault(word, Completion(word, log_probability))
    return list(found.values())[:count]


@dataclass
class Search:
    """The search for the most probable words of one blank.

    Parameters
    ----------
    prefix
        Tokens before the blank, special tokens included.
    partial
        A heap of partial words: negative log-probability and tokens, the most probable on top.
    words
        Whole words found so far, with their log-probabilities.
    """

    prefix: tuple[int, ...]
    partial: list[tuple[float, tuple[int, ...]]]
    words: dict[str, float]

    def promising(self, count: int) -> list[tuple[float, tuple[int, ...]]]:
        """Take the best partial words that may still become one of the best `count` words."""
        enough = sorted(self.words.values(), reverse=True)[count - 1] if len(self.words) >= count else -math.inf
        taken: list[tuple[float, tuple[int, ...]]] = []
        while self.partial and len(taken) < count + 3 and -self.partial[0][0] > enough:
            taken.append(heapq.heappop(self.partial))
        return taken


def word_completions(
    model: LanguageModel,
    prefixes: Sequence[tuple[int, ...]],
    blanks: Sequence[Tensor],
    count: int,
    *,
    correction: bool,
) -> list[list[Completion]]:
    """Return the most probable whole words after each prefix, of any number of tokens.

    Best-first search: a partial word is extended only while its own probability exceeds that of the words already
    found, since a longer word cannot be more probable than the partial one it begins with.

    Parameters
    ----------
    model
        A causal model whose tokenizer marks the beginning of words.
    prefixes
        Tokens before each blank, special tokens included.
    blanks
        Log-probabilities [vocabulary] of the token after each prefix.
    count
        How many words.
    correction
        Divide by the probability that a new word begins here (Pimentel & Meister 2024), as `score_words` does.

    Returns
    -------
    list of list of Completion
        For each prefix, best first.
    """
    from psylm.models.query import Query

    searches = []
    for prefix, blank in zip(prefixes, blanks, strict=True):
        begun = blank[model.begins_unit].logsumexp(-1).item() if correction else 0.0
        first = likely_tokens(model, blank, 8 * (count + 3), spaced=True)
        partial: list[tuple[float, tuple[int, ...]]] = [
            (begun - log_probability, (token,)) for token, log_probability in first
        ]
        heapq.heapify(partial)
        searches.append(Search(prefix, partial, {}))
    while batch := [(search, *one) for search in searches for one in search.promising(count)]:
        queries = [
            Query(search.prefix + tokens, (len(search.prefix) + len(tokens),), (-1,)) for search, _, tokens in batch
        ]
        answers = model.predict(
            queries, lambda distributions, places, _: _going_on(model, distributions, count)[places]
        )
        for (search, cost, tokens), answer in zip(batch, answers, strict=True):
            over, more = float(answer[0, 0]), answer[0, 1:].reshape(2, count)
            surface = model.tokenizer.text(tokens)
            if model.tokenizer.encode(surface).ids == tokens:  # else no text is ever read as these tokens
                word = surface.strip()
                search.words[word] = max(search.words.get(word, -math.inf), over - cost)
            for log_probability, token in more.T.tolist():
                heapq.heappush(search.partial, (cost - log_probability, (*tokens, int(token))))
    return [
        [Completion(*word) for word in sorted(search.words.items(), key=lambda word: -word[1])[:count]]
        for search in searches
    ]


def _going_on(model: LanguageModel, distributions: Distributions, count: int) -> Tensor:
    """Return the log-probability that the word is over, and those of the best tokens that go on with it.

    The columns are that log-probability, then `count` log-probabilities, then as many tokens [places, 1 + 2 count].
    """
    import torch

    best = distributions.log_probabilities.masked_fill(model.begins_unit, -math.inf).topk(count)
    over = distributions.log_share(model.begins_unit)[:, None]
    return torch.cat([over.double(), best.values.double(), best.indices.double()], -1)
