"""The words of a trial and the parts that they play: which one asks, which is the target, which competes with it."""

from __future__ import annotations

import unicodedata
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from psylm.common.language import Span, cut_spans, space_between, split_punctuation, word_spans
from psylm.stimuli.regions import parse_regions

if TYPE_CHECKING:
    from psylm.models.attention_input import At

"""Look at the place that predicts the query word, or at the word itself."""


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
    before = trial["context"] + space_between(trial["context"], sentence, language)
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


def visible(scene: Scene, at: At, *, left_to_right: bool) -> np.ndarray:
    """Return which words the query can attend to [words].

    Parameters
    ----------
    scene
        The text.
    at
        Where the query is looked at.
    left_to_right
        Whether the model reads what stands to the left only, as causal and permutation models do.

    Examples
    --------
    >>> from psylm.measures.trials import sentence_trials
    >>> trials = sentence_trials(["The keys are old."], regions=['[["n", 4, 8], ["v", 9, 12]]'])
    >>> visible(scene(trials.to_dict("records")[0], "v", "n"), "prediction", left_to_right=True).tolist()
    [True, True, False, False, False]
    """
    numbers = np.arange(len(scene.spans))
    end = scene.query + (at == "word") if left_to_right else len(numbers)
    seen: np.ndarray = numbers < end
    return seen
