"""From a set's name to its checked items."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from psylm.common.errors import InputError, Problem
from psylm.common.registry import study_in_use
from psylm.common.study import Study, no_card
from psylm.common.yaml_document import checked, read_yaml
from psylm.stimuli.card import Card
from psylm.stimuli.check import quality_problems, structure_problems, unknown_words
from psylm.stimuli.fetch import local_files
from psylm.stimuli.human import human_problems, human_quality, with_types
from psylm.stimuli.readers import READERS, Tables
from psylm.stimuli.tables import locate, make_items, read_table


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
    """A set as its files give it, not yet checked.

    Parameters
    ----------
    card, folder
        The set's card, and the folder that it is in.
    files
        The files of items and human data.
    table, human
        Items and human data, as text.
    """

    card: Card
    folder: Path
    files: list[Path]
    table: pd.DataFrame
    human: pd.DataFrame | None

    def items(self) -> tuple[pd.DataFrame | None, list[Problem]]:
        """Return the items, or None, and what keeps the set from being used."""
        located = locate(self.table, self.card.language) if "sentence" in self.table else None
        problems = structure_problems(self.table, located, self.card, self.files[0])
        if problems or located is None:
            return None, problems
        items = make_items(self.table, self.card, located)
        return items, human_problems(self.human, items, self.card, self.files[-1])


def load_stimuli(name: str, study: Study | None = None) -> StimulusSet:
    """Load a stimulus set.

    Parameters
    ----------
    name
        Its name, as `psylm stimuli list` shows it.
    study
        The study; by default the one in use (`psylm.use_study`).

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
    study = study or study_in_use()
    raw = _read(study.stimulus_folder(name), name)
    items, problems = raw.items()
    if problems or items is None:
        raise InputError(*problems)
    human = None if raw.human is None else with_types(raw.human)
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
        Each with file, column and rows; empty for a set without problems.
    """
    if not (folder / "card.yaml").is_file():
        return [Problem(str(folder), *no_card(folder))]
    try:
        raw = _read(folder, name or folder.name)
    except InputError as error:
        return list(error.problems)
    _, problems = raw.items()
    problems += quality_problems(raw.table, raw.card, raw.files[0])
    problems += human_quality(raw.human, raw.card, raw.folder, raw.files[-1])
    if unknown is not None:
        problems += unknown_words(raw.table, raw.files[0], unknown)
    return problems


def _read(folder: Path, name: str) -> Raw:
    path = folder / "card.yaml"
    card = checked(Card, read_yaml(path), path)
    if card.name != name:
        raise InputError(Problem(f"{path}, key name", repr(card.name), f"{name!r}, the folder's name"))
    if card.reader:
        READERS.named(card.reader, f"{path}, key reader")
        files = local_files(card)
        return Raw(card, folder, files, *_published(card, files))
    files = [folder / "items.csv"]
    table, human = read_table(files[0]), None
    if (folder / "human.csv").is_file():
        files.append(folder / "human.csv")
        human = read_table(files[1])
    return Raw(card, folder, files, table, human)


def _published(card: Card, files: list[Path]) -> Tables:
    """Read published files; what keeps a reader from it is a problem of theirs."""
    try:
        return READERS[card.reader](files)
    except KeyError as error:
        found = f"no column {error.args[0]!r}"
    except (ValueError, IndexError, TypeError, AttributeError) as error:
        found = f"what cannot be read ({error})"
    where = ", ".join(map(str, files))
    raise InputError(Problem(where, found, f"the published format that the reader {card.reader!r} is for"))
