"""From a set's name to its checked items."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from psylm.common.errors import InputError, Problem
from psylm.common.study import Study
from psylm.common.yaml_document import checked, read_yaml
from psylm.stimuli.card import Card
from psylm.stimuli.check import human_problems, quality_problems, structure_problems, unknown_words
from psylm.stimuli.fetch import local_files
from psylm.stimuli.readers import READERS
from psylm.stimuli.tables import make_items, read_table


@dataclass(frozen=True)
class StimulusSet:
    """A stimulus set, ready to run.

    Parameters
    ----------
    name
        Its path below `stimuli/`.
    card
        Its card.
    items
        A row an item x condition; columns as `psylm.stimuli.tables.make_items` gives them.
    human
        Human data (`item, condition, measure, value`, …), or None.
    sha256
        Checksum of card, items and human data.
    folder
        Where the card is.
    """

    name: str
    card: Card
    items: pd.DataFrame
    human: pd.DataFrame | None
    sha256: str
    folder: Path


@dataclass(frozen=True)
class Raw:
    """A set as its files give it, not yet checked."""

    card: Card
    folder: Path
    files: list[Path]
    table: pd.DataFrame
    human: pd.DataFrame | None


def load_stimuli(name: str, study: Study | None = None) -> StimulusSet:
    """Load a stimulus set.

    Parameters
    ----------
    name
        Its name, as `psylm stimuli list` shows it.
    study
        The study; by default the one that the current folder lies in.

    Returns
    -------
    StimulusSet
        Card, items and human data.

    Raises
    ------
    InputError
        The set cannot be used as it is: every problem, with file, row and column.
    PsylmError
        It has not been fetched yet.

    Examples
    --------
    >>> import psylm
    >>> items = psylm.load_stimuli("cloze-constraint").items
    >>> sorted(items["constraint"].unique())
    ['high', 'low']
    """
    study = study or Study.find(Path.cwd())
    raw = _read(study.stimulus_folder(name), name)
    items_file = raw.files[0]
    problems = structure_problems(raw.table, raw.card, items_file)
    if not problems:
        items = make_items(raw.table, raw.card)
        problems = human_problems(raw.human, items, raw.card, raw.files[-1])
    if problems:
        raise InputError(*problems)
    human = None if raw.human is None else raw.human.astype({"value": "float64"})
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in [raw.folder / "card.yaml", *raw.files]))
    return StimulusSet(name, raw.card, items, human, digest.hexdigest(), raw.folder)


def check_stimuli(
    folder: Path, name: str | None = None, unknown: Callable[[str], list[str]] | None = None
) -> list[Problem]:
    """Find everything that is wrong with a set.

    Parameters
    ----------
    folder
        The set's folder.
    name
        The name that its card must have; the folder's own by default.
    unknown
        Gives the words of a text that a model's tokenizer does not know.

    Returns
    -------
    list of Problem
        Each with file, row and column; empty for a set without problems.
    """
    try:
        raw = _read(folder, name or folder.name)
    except InputError as error:
        return list(error.problems)
    items_file, human_file = raw.files[0], raw.files[-1]
    problems = structure_problems(raw.table, raw.card, items_file)
    if not problems:
        items = make_items(raw.table, raw.card)
        problems += human_problems(raw.human, items, raw.card, human_file)
    problems += quality_problems(raw.table, raw.card, items_file)
    if unknown is not None and "sentence" in raw.table:
        problems += unknown_words(raw.table, items_file, unknown)
    return problems


def _read(folder: Path, name: str) -> Raw:
    path = folder / "card.yaml"
    card = checked(Card, read_yaml(path), path)
    if card.name != name:
        raise InputError(Problem(f"{path}, key name", repr(card.name), f"{name!r}, the folder's name"))
    if card.reader:
        if card.reader not in READERS:
            raise InputError(Problem(f"{path}, key reader", repr(card.reader), "one of " + ", ".join(READERS)))
        files = local_files(card)
        table, human = READERS[card.reader](files)
        return Raw(card, folder, files, table, human)
    files = [folder / "items.csv"]
    table, human = read_table(files[0]), None
    if (folder / "human.csv").is_file():
        files.append(folder / "human.csv")
        human = read_table(files[1])
    return Raw(card, folder, files, table, human)
