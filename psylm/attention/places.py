"""Where attention is looked at in a trial: its words, the query, the target, and what the model reads."""

from __future__ import annotations

import unicodedata
import zlib
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from psylm.attention.maps import Reading
from psylm.language import Span, split_punctuation, word_spans, written_without_spaces
from psylm.measures.surprisal import cut_spans
from psylm.models.base import LanguageModel
from psylm.stimuli.regions import parse_regions

At = Literal["prediction", "word"]

SPECIAL = -1
"""Stands for the word of a token that is none's: beginning and end of sequence, and the like."""

NO_BEGINNING = "first word: the model has no beginning-of-sequence token"
NO_TOKEN = "shares its only token with the word before it"


@dataclass(frozen=True)
class Scene:
    """The words of a text, and the parts that words play.

    Parameters
    ----------
    text
        Context and sentence.
    spans
        Words and punctuation, which stands apart, by characters.
    punctuation
        Which of them are punctuation [words].
    query
        Number of the word whose attention is asked: the first one of the query region.
    target, distractor
        Which words belong to the region [words].
    sentence
        Number of the sentence's first word.
    number
        Number of the query among what stands between spaces in the sentence, as results count words.
    """

    text: str
    spans: list[Span]
    punctuation: np.ndarray
    query: int
    target: np.ndarray
    distractor: np.ndarray
    sentence: int
    number: int

    @property
    def words(self) -> list[str]:
        """The words' texts."""
        return [self.text[start:end] for start, end in self.spans]

    @property
    def distances(self) -> np.ndarray:
        """Distance of each word from the query, in words; punctuation does not count [words]."""
        numbers = np.cumsum(~self.punctuation)
        distances: np.ndarray = np.abs(numbers - numbers[self.query])
        return distances


def scene(trial: Mapping[Any, Any], query: str, target: str, distractor: str | None = None) -> Scene | None:
    """Find the words of a trial and what they are; None where it has no query region.

    Parameters
    ----------
    trial
        `context`, `sentence`, `regions` and `language`.
    query, target, distractor
        Names of regions; a region that the trial does not have has no words.

    Examples
    --------
    >>> from psylm.measures.trials import sentence_trials
    >>> regions = '[["subject", 0, 8], ["local", 16, 24], ["verb", 25, 28]]'
    >>> trials = sentence_trials(["The keys to the cabinets are old."], regions=[regions])
    >>> found = scene(trials.to_dict("records")[0], "verb", "subject", "local")
    >>> found.words[found.query], found.target.nonzero()[0].tolist(), found.distances.tolist()
    ('are', [0, 1], [5, 4, 3, 2, 1, 0, 1, 1])
    """
    language, sentence = trial["language"], trial["sentence"]
    space = "" if not trial["context"] or written_without_spaces(language) else " "
    before = trial["context"] + space
    regions = parse_regions(trial["regions"])
    spans = split_punctuation(trial["context"], word_spans(trial["context"], language)) if before else []
    first = len(spans)
    between = word_spans(sentence, language)
    within = split_punctuation(sentence, between)
    within = cut_spans(within, sorted({edge for region in regions for edge in region[1:]}))
    spans += [(len(before) + start, len(before) + end) for start, end in within]
    text = before + sentence
    punctuation = np.array([is_punctuation(text[start:end]) for start, end in spans], dtype=bool)

    def members(name: str | None) -> np.ndarray:
        chosen = [region for region in regions if region.name == name]
        inside = [any(region.start <= start < region.end for region in chosen) for start, _ in within]
        return np.asarray(np.array([False] * first + inside, dtype=bool) & ~punctuation)

    asked = members(query).nonzero()[0]
    if not len(asked):
        return None
    number = sum(end <= within[asked[0] - first][0] for _, end in between)
    return Scene(text, spans, punctuation, int(asked[0]), members(target), members(distractor), first, number)


def is_punctuation(text: str) -> bool:
    """Whether a text is made of punctuation and symbols only.

    Examples
    --------
    >>> is_punctuation(".)"), is_punctuation("don't")
    (True, False)
    """
    return all(unicodedata.category(character)[0] in "PS" for character in text)


def shuffled(scene: Scene, seed: int) -> Scene:
    """Shuffle the words of the sentence: those before the query among themselves, and those after it likewise.

    The query stays in its place, and punctuation and spaces in theirs. A region's words stay its words wherever
    they go, so that what is left of a difference is not due to their order.

    Examples
    --------
    >>> from psylm.measures.trials import sentence_trials
    >>> trials = sentence_trials(["The keys to the old cabinet are here."], regions=['[["n", 4, 8], ["v", 28, 31]]'])
    >>> shuffled(scene(trials.to_dict("records")[0], "v", "n"), seed=1).text
    'to cabinet the keys The old are here.'
    """
    random = np.random.default_rng([seed, zlib.crc32(scene.text.encode())])
    order = np.arange(len(scene.spans))
    words = [number for number in range(scene.sentence, len(order)) if not scene.punctuation[number]]
    for side in ([n for n in words if n < scene.query], [n for n in words if n > scene.query]):
        order[side] = random.permutation(side)
    text, spans, end = "", [], 0
    for (start, stop), number in zip(scene.spans, order, strict=True):
        text += scene.text[end:start]
        word = scene.text[slice(*scene.spans[number])]
        spans.append((len(text), len(text) + len(word)))
        text, end = text + word, stop
    text += scene.text[end:]
    return replace(scene, text=text, spans=spans, target=scene.target[order], distractor=scene.distractor[order])


@dataclass(frozen=True)
class Look:
    """A reading, and what its places are.

    Parameters
    ----------
    scene
        The text.
    reading
        What the model reads.
    words
        For each place that is attended to, the number of its word, or `SPECIAL` [keys].
    groups
        Rows of the reading whose attention is averaged: the query's first; then, for a map, those of each word.
    seen
        Which words the query can attend to [words].
    """

    scene: Scene
    reading: Reading
    words: np.ndarray
    groups: list[list[int]]
    seen: np.ndarray


def look(model: LanguageModel, scene: Scene, at: At, *, maps: bool = False) -> Look | str:
    """Lay out what a model reads so that the query's attention can be looked at.

    Parameters
    ----------
    model
        The model.
    scene
        The text with its words.
    at
        `prediction`: the place that predicts the query word. `word`: the word itself.
    maps
        Want the attention of every word too, over the whole text; not to be had where the query asks from a stream of
        its own or from a decoder.

    Returns
    -------
    Look
        Or the reason why there is none.
    """
    edges = [scene.spans[scene.query]]
    edges += [scene.spans[number] for number in (scene.target | scene.distractor).nonzero()[0]]
    end = scene.spans[scene.query][1] if model.left_to_right and not maps else len(scene.text)
    cuts = tuple(sorted({edge for span in edges for edge in span if edge <= end}))
    encoding = model.tokenizer.encode(scene.text[:end], cuts)
    words = word_of_tokens(encoding.starts, scene.spans)
    own = (words == scene.query).nonzero()[0]
    if not len(own):
        return NO_TOKEN
    laid = LAID[model.family](model, encoding.ids, words, (int(own[0]), int(own[-1]) + 1), at)
    if isinstance(laid, str):
        return laid
    reading, places, reach = laid
    model.check_length(reading.source or reading.ids, f"text {scene.text[:40]!r}…")
    seen = np.isin(np.arange(len(scene.spans)), places[:reach])
    if not maps or reading.stream in ("query", "cross"):
        if reach < len(places):  # what stands after the last row cannot be seen
            last = reading.rows[-1] + 1
            reading, places = replace(reading, ids=reading.ids[:last]), places[:last]
        return Look(scene, reading, places, [list(range(len(reading.rows)))], seen)
    of_words = [(places == number).nonzero()[0].tolist() for number in range(len(scene.spans))]
    reading, groups = replace(reading, rows=tuple(range(len(places)))), [list(reading.rows), *of_words]
    return Look(scene, reading, places, groups, seen)


Laid = tuple[Reading, np.ndarray, int]
"""A reading, the word of each place that is attended to, and how many of these places the query can see."""


def word_of_tokens(starts: Sequence[int], spans: Sequence[Span]) -> np.ndarray:
    """Return the number of the word in which each token begins [tokens].

    Examples
    --------
    >>> word_of_tokens([0, 4, 6, 9], [(0, 3), (4, 9), (9, 10)]).tolist()
    [0, 1, 1, 2]
    """
    begins = [start for start, _ in spans]
    return np.array([max(bisect_right(begins, start) - 1, 0) for start in starts], dtype=int)


def _causal(model: LanguageModel, text: tuple[int, ...], words: np.ndarray, span: Span, at: At) -> Laid | str:
    """Look from the token before the word, or from the beginning of the sequence, where the word is the first."""
    ids = model.sequence(text)
    shift = len(ids) - len(text)
    rows = range(span[0] + shift, span[1] + shift) if at == "word" else range(span[0] + shift - 1, span[0] + shift)
    if rows.start < 0:
        return NO_BEGINNING
    return Reading(ids, tuple(rows)), _among(words, shift, 0), rows.stop


def _masked(model: LanguageModel, text: tuple[int, ...], words: np.ndarray, span: Span, at: At) -> Laid | str:
    """Put a mask for each of the word's tokens, and look from the first of them."""
    first, last = span
    before, after = map(len, model.tokenizer.around)
    rows = range(first, last)
    if at == "prediction":
        mask = model.tokenizer.mask
        assert mask is not None, "load_model refuses a masked model without a mask token"
        text = (*text[:first], *(mask for _ in rows), *text[last:])
        rows = range(first, first + 1)
    ids = model.sequence(text)
    return Reading(ids, tuple(row + before for row in rows)), _among(words, before, after), len(ids)


def _permuted(model: LanguageModel, text: tuple[int, ...], words: np.ndarray, span: Span, at: At) -> Laid | str:
    """Read in natural order; look from the stream that knows the place but not the word, to predict it."""
    ids = text if model.tokenizer.bos is None else (model.tokenizer.bos, *text)
    shift = len(ids) - len(text)
    rows, places = range(span[0] + shift, span[1] + shift), _among(words, shift, 0)
    if at == "word":
        return Reading(ids, tuple(rows)), places, rows.stop
    if rows.start == 0:
        return NO_BEGINNING
    return Reading(ids, (rows.start,), "query"), places, rows.start


def _seq2seq(model: LanguageModel, text: tuple[int, ...], words: np.ndarray, span: Span, at: At) -> Laid | str:
    """Look from the word within the encoder, or from the decoder that is about to fill a gap in the word's place."""
    first, last = span
    before, after = map(len, model.tokenizer.around)
    if at == "word":
        ids = model.sequence(text)
        return (
            Reading(ids, tuple(range(first + before, last + before)), "encoder"),
            _among(words, before, after),
            len(ids),
        )
    asked = model.blank_query(text, first, last)
    assert asked is not None, "the word has a token"
    places = _among(np.concatenate([words[: first + 1], words[last:]]), before, after)
    return Reading(asked.ids, (len(asked.ids) - 1,), "cross", asked.source), places, len(places)


LAID = {"causal": _causal, "masked": _masked, "permuted": _permuted, "seq2seq": _seq2seq}


def _among(words: np.ndarray, before: int, after: int) -> np.ndarray:
    """Put special tokens around words."""
    return np.array([SPECIAL] * before + words.tolist() + [SPECIAL] * after, dtype=int)
