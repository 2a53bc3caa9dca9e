"""What psylm can be extended with, by name: one registry a kind, filled by psylm's own files and by a study's."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

from psylm.common.errors import InputError, Problem, one_of
from psylm.common.modules import load_module
from psylm.common.study import Study

Record = TypeVar("Record")

_chosen: Study | None = None
"""The study that was chosen; None: that of the current folder."""


def use_study(folder: str | Path | None) -> Study:
    """Choose the study whose experiments, stimuli, measures, readers, lesions and architectures are found by name.

    Parameters
    ----------
    folder
        The study's folder; None for the study that the current folder lies in, which is in use where none was chosen.
        Files that bring measures and the like are read, and their code is run, at the first look-up of a name.

    Returns
    -------
    Study
        The study in use from now on.

    Raises
    ------
    InputError
        There is no such folder.

    Examples
    --------
    >>> use_study("no/such/folder")
    Traceback (most recent call last):
    ...
    psylm.common.errors.InputError: study: found 'no/such/folder'; expected the folder of a study
    """
    global _chosen
    if folder is not None and not Path(folder).is_dir():
        raise InputError(Problem("study", repr(str(folder)), "the folder of a study"))
    _chosen = None if folder is None else Study(Path(folder).resolve())
    return study_in_use()


def study_in_use() -> Study:
    """Return the study that was chosen, or else the one that the current folder lies in."""
    return _chosen or Study.find(Path.cwd())


@contextmanager
def using(study: Study | None) -> Iterator[Study]:
    """Use a study for as long as a call lasts; by default the one in use."""
    global _chosen
    before = _chosen
    _chosen = study or study_in_use()
    try:
        yield _chosen
    finally:
        _chosen = before


class Registry(Mapping[str, Record], Generic[Record]):
    """Records of one kind by name: psylm's own, and those of the study in use.

    A module adds its records when it is imported. Psylm's own modules are imported at the first look-up; a study's are
    the Python files of a folder of its own. A study may add names, and may not give a built-in name another meaning:
    results would say the one and mean the other.

    Parameters
    ----------
    kind
        What the records are, for messages: "measure".
    package
        The package whose modules add psylm's own records.
    folder
        The folder of a study whose files add the study's; none by default.

    Examples
    --------
    >>> shapes: Registry[int] = Registry("shape")
    >>> shapes.add("square", 4), list(shapes), "circle" in shapes
    (4, ['square'], False)
    >>> shapes.named("squares", "figure.yaml: line 2")
    Traceback (most recent call last):
    ...
    psylm.common.errors.InputError: figure.yaml: line 2: found 'squares'; expected one of square (did you mean square?)
    """

    def __init__(self, kind: str, *, package: str = "", folder: str = "") -> None:
        self.kind = kind
        self.package = package
        self.folder = folder
        self._own: dict[str, Record] = {}
        self._of_study: dict[Path, dict[str, Record]] = {}
        self._files: dict[Path, object] = {}
        self._adding: tuple[Path, Path] | None = None
        self._complete = not package

    def add(self, name: str, record: Record) -> Record:
        """Add a record, and return it.

        Raises
        ------
        InputError
            A study's file gives a name that psylm has, or that another of its files has.
        """
        if self._adding is None:
            self._own[name] = record
            return record
        root, file = self._adding
        mine = self._of_study[root]
        if name in self._own or name in mine:
            taken = "psylm's own" if name in self._own else "that of another file"
            raise InputError(Problem(str(file), f"the {self.kind} {name!r}, which is {taken}", "a name that is free"))
        mine[name] = record
        return record

    def named(self, name: str, place: str) -> Record:
        """Return the record of a name that a user gave.

        Parameters
        ----------
        name
            The name.
        place
            Where the user gave it, for the message.

        Raises
        ------
        InputError
            There is none of that name; the message names the known ones and the nearest of them.
        """
        known = self._records()
        if name not in known:
            raise InputError(Problem(place, repr(name), one_of(name, sorted(known))))
        return known[name]

    def __getitem__(self, name: str) -> Record:
        return self._records()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._records()))

    def __len__(self) -> int:
        return len(self._records())

    def _records(self) -> dict[str, Record]:
        if not self._complete:
            self._complete = True  # before the imports: a module may ask for another's record while it is imported
            package = importlib.import_module(self.package)
            for module in pkgutil.iter_modules(package.__path__):
                importlib.import_module(f"{self.package}.{module.name}")
        root = study_in_use().root if self.folder else None
        if root is None:
            return self._own
        self._read_study(root)
        return self._own | self._of_study[root]

    def _read_study(self, root: Path) -> None:
        """Load the files of a study again where one of them has changed, was added or removed."""
        files = sorted((root / self.folder).glob("[!_]*.py"))
        state = [(file, file.stat().st_mtime_ns, file.stat().st_size) for file in files]
        if self._files.get(root) == state or self._adding is not None:
            return
        self._of_study[root] = {}
        for file in files:
            self._adding = root, file
            try:
                load_module(file, again=True)
            finally:
                self._adding = None
        self._files[root] = state
