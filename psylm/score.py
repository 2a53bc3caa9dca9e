"""Ad hoc scoring: a file of sentences in, a table of scores out."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd

from psylm.document import read_text
from psylm.errors import InputError, Problem
from psylm.measures.registry import measures
from psylm.measures.trials import sentence_trials
from psylm.models.start import AUTO
from psylm.plan import check_models, check_starts, chunks
from psylm.results import write_table
from psylm.scorer import Scorer
from psylm.scores import ScoreCache

SCORED = ("surprisal", "sentence_surprisal", "pseudo_log_likelihood")
"""Measures that need nothing but sentences."""


def score_file(
    model: str,
    measure: str,
    source: Path,
    target: Path,
    *,
    language: str = "en",
    device: str = "auto",
    dtype: str = "float32",
    memory: str | None = None,
    start: str = AUTO,
    cache: bool = True,
) -> pd.DataFrame:
    """Score the sentences of a file.

    Parameters
    ----------
    model
        A model's name, as in `psylm.load_model`.
    measure
        `surprisal` (a row a word, in bits), `sentence_surprisal` or `pseudo_log_likelihood` (a row a sentence).
    source
        A text file, one sentence a line, or a CSV file with a `sentence` column.
    target
        The CSV file to write: `sentence_id, word_id, word, value`, or `sentence_id, sentence, value`; ids from 0.
    language
        BCP 47 tag of the sentences.
    device, dtype, memory, start
        As in `psylm.load_model`.
    cache
        As in `psylm.run`.

    Returns
    -------
    DataFrame
        What was written.

    Raises
    ------
    InputError
        The file, a line of it, the measure or the model does not fit; before the model is loaded.
    """
    if measure not in SCORED:
        raise InputError(Problem("measure", repr(measure), "one of " + ", ".join(SCORED)))
    asked = measures()[measure]
    check_models([model], [asked])
    check_starts({model: start})
    if not target.parent.is_dir():
        raise InputError(Problem(f"output {target}", "no such folder", "a folder that exists"))
    sentences = read_sentences(source)
    options = asked.options.model_validate({"words": "all"} if measure == "surprisal" else {})
    trials = sentence_trials(sentences, language=language)
    kept = ScoreCache() if cache else None
    scorer = Scorer(model, device=device, dtype=dtype, memory=memory, start=start, cache=kept)
    scores = pd.concat([scorer.score(asked, options, chunk) for chunk in chunks(trials, 256, asked.together)])
    scores = scores.sort_values(["trial", "word_id"], kind="stable").rename(columns={"trial": "sentence_id"})
    if measure == "surprisal":
        table = scores[["sentence_id", "word_id", "word", "value"]]
    else:
        scores["sentence"] = [sentences[trial] for trial in scores["sentence_id"]]
        table = scores[["sentence_id", "sentence", "value"]]
    write_table(target, table)
    return table.reset_index(drop=True)


def read_sentences(source: Path) -> list[str]:
    """Read the sentences of a text file (one a line) or of a CSV file's `sentence` column.

    Raises
    ------
    InputError
        The file cannot be read, has no such column, is empty, or has an empty sentence; the row is told.
    """
    text = read_text(source, "a text file, one sentence a line, or a CSV file")
    if source.suffix.lower() == ".csv":
        numbered = _csv_sentences(source, text)
    else:
        lines = text.splitlines()
        while lines and not lines[-1].strip():
            lines.pop()
        numbered = [(f"line {number}", line) for number, line in enumerate(lines, start=1)]
    empty = [
        Problem(f"{source}: {place}", "an empty sentence", "some words")
        for place, sentence in numbered
        if not sentence.strip()
    ]
    if not numbered:
        empty = [Problem(str(source), "no sentences", "one a line, or a CSV with a sentence column")]
    if empty:
        raise InputError(*empty)
    return [sentence.strip() for _, sentence in numbered]


def _csv_sentences(source: Path, text: str) -> list[tuple[str, str]]:
    reader = csv.DictReader(text.splitlines(keepends=True))
    if "sentence" not in (reader.fieldnames or []):
        found = ", ".join(reader.fieldnames or []) or "nothing"
        raise InputError(Problem(f"{source}: row 1", f"columns {found}", "a column named sentence"))
    return [(f"row {number}, column sentence", row["sentence"] or "") for number, row in enumerate(reader, start=2)]
