"""Sentences at hand: given in Python, on the command line or in a file, each with its place for messages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from psylm.common.errors import InputError, Problem
from psylm.common.yaml_document import read_text
from psylm.stimuli.tables import read_table

COLUMNS = ("sentence", "context", "target")
"""Columns of a table that are read."""

TABLES = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
"""Separators of tables by the file's ending; every other file is text."""


@dataclass(frozen=True)
class Sentences:
    """Sentences with what stands before them.

    Parameters
    ----------
    source
        Where they come from, for messages.
    places
        Where each one stands there.
    sentences
        The sentences, without white space at their ends.
    contexts, targets
        What comes before each sentence, and a word of it; empty for none.
    """

    source: str
    places: list[str]
    sentences: list[str]
    contexts: list[str]
    targets: list[str]

    @classmethod
    def of(
        cls, sentences: str | Iterable[str], contexts: Iterable[str] | None = None, targets: Iterable[str] | None = None
    ) -> Sentences:
        """Take sentences as they are given in Python.

        Raises
        ------
        InputError
            There is none, one is empty or no text, or there are not as many contexts or targets.

        Examples
        --------
        >>> Sentences.of("Time flies.").sentences
        ['Time flies.']
        """
        listed = [sentences] if isinstance(sentences, str) else list(sentences)
        columns = []
        for name, column in (("contexts", contexts), ("targets", targets)):
            texts = [""] * len(listed) if column is None else [column] if isinstance(column, str) else list(column)
            if len(texts) != len(listed):
                raise InputError(Problem(name, f"{len(texts)} of them", f"{len(listed)}, as there are sentences"))
            columns.append(texts)
        places = [f"sentence {number}" for number in range(len(listed))]
        for place, *texts in zip(places, listed, *columns, strict=True):
            for text in texts:
                if not isinstance(text, str):
                    raise InputError(Problem(place, repr(text), "a text"))
        return cls._checked("sentences", places, listed, *columns)

    @classmethod
    def _checked(
        cls, source: str, places: list[str], sentences: list[str], contexts: list[str], targets: list[str]
    ) -> Sentences:
        if not sentences:
            raise InputError(Problem(source, "no sentences", "one at least"))
        empty = [
            Problem(place, "an empty sentence", "some words")
            for place, sentence in zip(places, sentences, strict=True)
            if not sentence.strip()
        ]
        if empty:
            raise InputError(*empty)
        return cls(source, places, [sentence.strip() for sentence in sentences], contexts, targets)


def read_sentences(source: Path) -> Sentences:
    """Read the sentences of a text file, one a line, or of a CSV or TSV file.

    Lines end at a line feed, a carriage return or both, and at no other character.

    Parameters
    ----------
    source
        The file. A table has a column `sentence`, and perhaps `context` and `target`; others are not read.

    Raises
    ------
    InputError
        The file cannot be read, has no such column, is empty, or has an empty sentence; its row is reported.
    """
    separator = TABLES.get(source.suffix.lower())
    if separator is None:
        text = read_text(source, "a text file, one sentence a line, or a CSV or TSV file with a column `sentence`")
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        while lines and not lines[-1].strip():
            lines.pop()
        places = [f"{source}: line {number}" for number in range(1, len(lines) + 1)]
        return Sentences._checked(str(source), places, lines, [""] * len(lines), [""] * len(lines))
    table = read_table(source, separator)
    if "sentence" not in table.columns:
        found = ", ".join(map(repr, table.columns))
        raise InputError(Problem(f"{source}: row 1", f"columns {found}", "a column named sentence"))
    columns = [table[name].tolist() if name in table.columns else [""] * len(table) for name in COLUMNS]
    places = [f"{source}: row {number}, column sentence" for number in table.index]
    return Sentences._checked(str(source), places, *columns)
