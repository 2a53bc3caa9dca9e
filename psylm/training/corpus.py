"""A corpus as a model is trained on it: tokenized once into a file, and read from there a row at a time."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from psylm.common.errors import InputError, Problem
from psylm.models.tokens import Tokenizer, boundaries

SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[^a-z])|(?<=[。！？])[」』）]*|\n+")
"""Where a sentence ends: full stop, question or exclamation mark, no small letter after it; in Japanese the mark."""

LINES = 1_000
"""Texts that are tokenized at a time."""


@dataclass(frozen=True)
class Corpus:
    """A tokenized corpus on disk.

    Parameters
    ----------
    tokens
        Token identities of all documents one after the other, each after the token that begins a text, memory-mapped
        [tokens].
    documents
        First token of each document, and the end [documents + 1].
    sentences
        First token of each sentence, and the end [sentences + 1].
    begins_word
        For each identity of the vocabulary, whether it can begin a word [vocabulary].
    """

    tokens: np.ndarray
    documents: np.ndarray
    sentences: np.ndarray
    begins_word: np.ndarray

    @classmethod
    def load(cls, folder: Path) -> Corpus:
        """Open a corpus that `write_corpus` wrote."""
        opened = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("documents", "sentences")}
        tokens = np.memmap(folder / "tokens.bin", dtype=np.int32, mode="r")
        return cls(tokens, **opened, begins_word=np.load(folder / "begins_word.npy"))


def write_corpus(documents: Iterable[str], tokenizer: Any, folder: Path, limit: int | None = None) -> Corpus:
    """Tokenize documents into a folder, without ever holding more than a few of them in memory.

    Parameters
    ----------
    documents
        Texts.
    tokenizer
        A fast tokenizer of `transformers`.
    folder
        Where to write; a folder that is there already is opened, not written again.
    limit
        Stop after so many tokens.
    """
    if (folder / "documents.npy").is_file():
        return Corpus.load(folder)
    folder.mkdir(parents=True, exist_ok=True)
    begins, sentences = array("q", [0]), array("q", [])
    waiting, total = iter(documents), 0
    begin, _ = boundaries(tokenizer)
    with (folder / "tokens.bin").open("wb") as file:
        while (batch := list(islice(waiting, LINES))) and (limit is None or total < limit):
            encoded = tokenizer(
                batch, add_special_tokens=False, return_offsets_mapping=True, split_special_tokens=True, verbose=False
            )
            for text, ids, offsets in zip(batch, encoded["input_ids"], encoded["offset_mapping"], strict=True):
                if not ids:
                    continue
                starts = [start for start, _ in offsets]
                edges = [found.end() for found in SENTENCE_END.finditer(text) if 0 < found.end() < len(text)]
                later = sorted({int(at) for at in np.searchsorted(starts, edges) if 0 < at < len(ids)})
                sentences.extend([total, *(total + 1 + at for at in later)])
                file.write(np.asarray([begin, *ids], dtype=np.int32).tobytes())
                total += 1 + len(ids)
                begins.append(total)
    if not total:
        raise InputError(Problem(str(folder), "a corpus without text", "at least one document"))
    sentences.append(total)
    np.save(folder / "sentences.npy", np.asarray(sentences))
    np.save(folder / "begins_word.npy", _begins_word(tokenizer))
    np.save(folder / "documents.npy", np.asarray(begins))  # last: its presence says that the corpus is whole
    return Corpus.load(folder)


def _begins_word(tokenizer: Any) -> np.ndarray:
    """Mark the tokens that can begin a word: with a space before them, or not marked as going on with one."""
    pieces = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    spaced = Tokenizer(tokenizer, "corpus").word_marking == "space"
    return np.array([piece[:1] in ("Ġ", "▁") if spaced else not piece.startswith("##") for piece in pieces])


def read_documents(paths: Sequence[Path], column: str = "text") -> Iterator[str]:
    """Yield the documents of text files, which empty lines separate, and of Parquet files, a row a document.

    Raises
    ------
    InputError
        A Parquet file has no such column.
    """
    for path in paths:
        if path.suffix == ".parquet":
            yield from _parquet(path, column)
            continue
        lines: list[str] = []
        with path.open(encoding="utf-8") as file:
            for line in file:
                if line.strip():
                    lines.append(line.strip())
                elif lines:
                    yield "\n".join(lines)
                    lines = []
        if lines:
            yield "\n".join(lines)


def _parquet(path: Path, column: str) -> Iterator[str]:
    import pyarrow.parquet as parquet

    file = parquet.ParquetFile(path)
    if column not in file.schema_arrow.names:
        raise InputError(Problem(f"{path}, column {column}", ", ".join(file.schema_arrow.names), f"a column {column}"))
    for batch in file.iter_batches(LINES, columns=[column]):
        yield from (str(text) for text in batch.column(0).to_pylist() if text)


def stream_dataset(name: str, options: dict[str, Any], column: str) -> Iterator[str]:
    """Yield the documents of a data set of the `datasets` library, streamed: nothing is kept on disk.

    Parameters
    ----------
    name
        The data set's name there, or a format such as `parquet`.
    options
        Passed to `datasets.load_dataset`: `split`, `name`, `data_files`.
    column
        The column with the text.
    """
    from datasets import load_dataset

    rows = load_dataset(name, streaming=True, **({"split": "train"} | options))
    for row in rows:
        if column not in row:
            raise InputError(Problem(f"data set {name!r}", ", ".join(row), f"a column {column}"))
        yield str(row[column])


def full_sentences(corpus: Corpus, room: int, *, across: bool) -> np.ndarray:
    """Divide a corpus into rows of whole sentences, as many as there is room for.

    Parameters
    ----------
    corpus
        The corpus.
    room
        Tokens of a row at most; a longer sentence is cut.
    across
        Let a row go on into the next document (RoBERTa's FULL-SENTENCES), or end it there.

    Returns
    -------
    ndarray [rows, 2]
        First token of each row, and its end.
    """
    stops = np.zeros(len(corpus.sentences), dtype=bool)
    if not across:
        stops[np.searchsorted(corpus.sentences, corpus.documents)] = True
    rows = array("q")
    begin = end = 0
    for first in range(1, len(corpus.sentences), LINES):
        piece = slice(first, first + LINES)
        for edge, stop in zip(corpus.sentences[piece].tolist(), stops[piece].tolist(), strict=True):
            if edge - begin > room and end > begin:
                rows.extend((begin, end))
                begin = end
            while edge - begin > room:
                rows.extend((begin, begin + room))
                begin += room
            end = edge
            if stop and end > begin:
                rows.extend((begin, end))
                begin = end
    if end > begin:
        rows.extend((begin, end))
    return np.asarray(rows).reshape(-1, 2)
