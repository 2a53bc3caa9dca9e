"""A small grammar of English agreement: a corpus of which everything is known."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np

NOUNS = [
    "baker",
    "boy",
    "captain",
    "cousin",
    "dancer",
    "doctor",
    "driver",
    "farmer",
    "friend",
    "girl",
    "guard",
    "hunter",
    "king",
    "lawyer",
    "neighbor",
    "nurse",
    "painter",
    "pilot",
    "prince",
    "queen",
    "sailor",
    "singer",
    "teacher",
    "waiter",
]
THINGS = [
    "barn",
    "boat",
    "bottle",
    "bridge",
    "cabin",
    "castle",
    "chair",
    "garden",
    "gate",
    "lamp",
    "ladder",
    "table",
    "tower",
    "window",
]
VERBS = ["dance", "laugh", "sing", "sleep", "smile", "swim", "wait", "walk", "work", "shout", "dream", "rest"]
ACTIONS = ["admire", "follow", "greet", "help", "like", "meet", "thank", "trust", "visit", "watch"]
PLACES = ["near", "behind", "beside", "above"]
ADVERBS = ["today", "often", "quietly", "again", "outside", "now"]
ADJECTIVES = ["old", "young", "tall", "clever", "happy", "kind", "quiet", "famous"]
HELD_OUT = 5
"""One pair of head noun and verb in so many never occurs together in the corpus; test items are made of these."""


def held_out(noun: str, verb: str) -> bool:
    """Whether a head noun and a verb are kept for test items."""
    return hashlib.sha256(f"{noun} {verb}".encode()).digest()[0] % HELD_OUT == 0


def inflected(noun: str, plural: bool) -> str:
    """Return a noun in its number.

    Examples
    --------
    >>> inflected("baker", True)
    'bakers'
    """
    return noun + "s" if plural else noun


def agreeing(verb: str, plural: bool) -> str:
    """Return a verb in the present tense that agrees with its subject.

    Examples
    --------
    >>> agreeing("watch", False), agreeing("walk", True)
    ('watches', 'walk')
    """
    if plural:
        return verb
    return verb + ("es" if verb.endswith(("sh", "ch")) else "s")


def sentence(random: np.random.Generator) -> str:
    """Return one sentence: a subject, perhaps with an attractor between it and its verb, and the verb.

    Examples
    --------
    >>> sentence(np.random.default_rng(3))
    'the ...'
    """

    def pick(words: list[str]) -> str:
        return words[random.integers(len(words))]

    plural = bool(random.random() < 0.5)
    noun, verb = pick(NOUNS), pick(VERBS)
    while held_out(noun, verb):
        verb = pick(VERBS)
    described = f"{pick(ADJECTIVES)} " if random.random() < 0.3 else ""
    words = [f"the {described}{inflected(noun, plural)}"]
    attractor = bool(random.random() < 0.5)
    how = random.random()
    if how < 0.3:
        words.append(f"{pick(PLACES)} the {inflected(pick(THINGS), attractor)}")
    elif how < 0.45:
        words.append(f"that {agreeing(pick(ACTIONS), plural)} the {inflected(pick(NOUNS), attractor)}")
    elif how < 0.55:
        words.append(f"that the {inflected(pick(NOUNS), attractor)} {agreeing(pick(ACTIONS), attractor)}")
    words.append(agreeing(verb, plural))
    if random.random() < 0.5:
        words.append(pick(ADVERBS))
    return " ".join(words) + " ."


def sentences(count: int, seed: int) -> Iterator[str]:
    """Yield sentences, each a document of its own.

    Examples
    --------
    >>> len(set(sentences(50, seed=1)) & set(sentences(50, seed=1)))
    50
    """
    random = np.random.default_rng(seed)
    for _ in range(count):
        yield sentence(random)


def pairs(count: int) -> Iterator[dict[str, str]]:
    """Yield minimal pairs of agreement whose head noun and verb never occur together in the corpus.

    Each pair of noun and verb is asked in both numbers, without an attractor, and with one of either number.

    Parameters
    ----------
    count
        Pairs of noun and verb, taken at equal steps from all that are held out.

    Yields
    ------
    dict
        Columns of a stimulus set: `item`, `phenomenon`, `acceptability`, `sentence`, `target`.

    Examples
    --------
    >>> [pair["sentence"] for pair in pairs(8)][:2]
    ['the ... .', 'the ... .']
    """
    kept = [(noun, verb) for noun in NOUNS for verb in VERBS if held_out(noun, verb)]
    item = 0
    for number, (noun, verb) in enumerate(kept[place * len(kept) // count] for place in range(count)):
        thing, preposition = THINGS[number % len(THINGS)], PLACES[number % len(PLACES)]
        for plural in (False, True):
            for phenomenon, attractor in (
                ("no attractor", None),
                ("attractor of the same number", plural),
                ("attractor of the other number", not plural),
            ):
                item += 1
                phrase = "" if attractor is None else f" {preposition} the {inflected(thing, attractor)}"
                for acceptability in ("good", "bad"):
                    target = agreeing(verb, plural == (acceptability == "good"))
                    yield {
                        "item": str(item),
                        "phenomenon": phenomenon,
                        "acceptability": acceptability,
                        "sentence": f"the {inflected(noun, plural)}{phrase} {target} .",
                        "target": target,
                    }
