"""Texts that averages and importance are computed on, and how a model reads them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from psylm.common.errors import InputError, Problem
from psylm.common.yaml_document import read_text
from psylm.models.base import LanguageModel
from psylm.models.changes import Lesion
from psylm.models.query import Query

SENTENCES = (
    "The baker put the bread into the oven before the shop opened.",
    "Nobody in the village had ever seen so much snow in April.",
    "My brother repairs old radios that other people throw away.",
    "After the concert we walked home along the river.",
    "The teacher asked whether anyone had read the second chapter.",
    "A small dog was waiting in front of the library.",
    "She writes letters to her aunt, who lives on an island.",
    "The doctors who treated the boy were very patient.",
    "It took him three weeks to learn the names of his neighbours.",
    "If the bus is late again, they will have to take a taxi.",
    "The old bridge was built of stones from the castle.",
    "Most of the apples that fell during the storm were still green.",
    "Her first novel sold badly, but the critics liked it.",
    "The children laughed because the clown had lost his hat.",
    "We need more chairs, two tables and a long cable.",
    "The price of coffee has doubled since last summer.",
    "He opened the letter slowly, as if he knew what it said.",
    "The farmers near the border grow wheat and potatoes.",
    "What surprised the visitors most was the silence of the forest.",
    "The train from the coast arrives at a quarter past nine.",
    "Several students were looking for the same book.",
    "The engineer explained how the new pump works.",
    "There is a garden behind the house, with a pond in it.",
    "The lawyer and her clients met twice a week.",
    "Although it was raining, the market was full of people.",
    "The pilot told the passengers to remain in their seats.",
    "I have never tasted a soup as good as this one.",
    "The mayor promised to plant a tree for every child.",
    "The cats sleep on the roof when the sun is shining.",
    "Someone had left a red umbrella under the bench.",
    "The musicians tuned their instruments before the curtain rose.",
    "Water boils at a lower temperature in the mountains.",
    "The letter that the editors received was not signed.",
    "They painted the kitchen yellow and the door blue.",
    "The nurse washed her hands and prepared the bandage.",
    "It is easier to forget a number than a face.",
    "The ship carried tea, silk and spices to the north.",
    "The boys themselves decided which game to play.",
    "On Sundays my grandmother bakes a cake with cherries.",
    "The report says little about the causes of the fire.",
)
"""Forty English sentences, written for this, with agreement, relative clauses and common words among them."""


def reference_texts(lesion: Lesion, where: str) -> list[str]:
    """Return the texts that a lesion names, one a line of its file, or our own.

    Raises
    ------
    InputError
        The file has none.
    """
    if "texts" not in lesion:
        return list(SENTENCES)
    path = Path(lesion["texts"].value)
    found = [line.strip() for line in read_text(path, "a text file, one text a line").splitlines() if line.strip()]
    if not found:
        raise InputError(Problem(f"{where}: {path}", "no text", "one text a line"))
    return found


def reading_queries(model: LanguageModel, texts: list[str]) -> Iterator[list[Query]]:
    """Yield, for each text, the queries for all its tokens, each token as if it were a word."""
    for text in texts:
        ids = model.tokenizer.encode(text).ids
        queries, _ = model.word_queries(ids, [(at, at + 1) for at in range(len(ids))], model.hiding, after=False)
        yield queries
