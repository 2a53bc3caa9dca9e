"""Makes new studies and stimulus sets from templates."""

from __future__ import annotations

import shutil
from pathlib import Path

from psylm.common.errors import InputError, Problem
from psylm.common.study import NAME, PACKAGE

TEMPLATES = PACKAGE / "common" / "templates"


def init(folder: str | Path) -> Path:
    """Make a study: experiments, stimuli and analysis folders, with a worked example.

    Parameters
    ----------
    folder
        The folder to make; it must not exist, or be empty.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InputError
        Something is there already.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(Problem(str(folder), "something that is there already", "a new folder"))
    shutil.copytree(TEMPLATES / "study", folder, dirs_exist_ok=True)
    return folder


def make_stimuli(study: Path, name: str) -> Path:
    """Make a stimulus set that passes `psylm stimuli check`, to be filled in.

    Parameters
    ----------
    study
        The study's folder.
    name
        The set's name.

    Returns
    -------
    Path
        The set's folder.

    Raises
    ------
    InputError
        The name is not one, or the set is there already.
    """
    if not NAME.fullmatch(name):
        raise InputError(Problem("stimulus set", repr(name), "letters, digits, '.', '_' and '-'"))
    folder = study / "stimuli" / name
    if folder.exists():
        raise InputError(Problem(str(folder), "something that is there already", "a new name"))
    shutil.copytree(TEMPLATES / "stimuli", folder)
    card = folder / "card.yaml"
    card.write_text(card.read_text(encoding="utf-8").replace("NAME", name), encoding="utf-8")
    return folder
