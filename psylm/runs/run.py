"""The run folder: written piece by piece so that nothing computed is lost, and read as tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from filelock import FileLock, Timeout

from psylm.common.errors import InputError, Problem, PsylmError
from psylm.common.files import replacing
from psylm.runs.arrays import TrialArrays, array_names, read_arrays, stacked, write_arrays

COLUMNS = [
    "experiment",
    "model",
    "stimuli",
    "item",
    "condition",
    "region",
    "word_id",
    "word",
    "measure",
    "value",
    "note",
]
"""The columns of `results.parquet`, one row a value."""

KINDS: dict[str, str] = dict.fromkeys(COLUMNS, "string") | {"word_id": "int64", "value": "float64"}


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV or Parquet, by the file's ending, whole or not at all."""
    with replacing(path) as temporary:
        if path.suffix == ".csv":
            table.to_csv(temporary, index=False)
        else:
            table.to_parquet(temporary, index=False)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Make a folder and hold it, so that no second process writes to it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".lock").touch()
    except OSError as error:
        expected = "a folder that can be made and written to"
        raise InputError(Problem(f"output {folder}", str(error.strerror), expected)) from None
    try:
        with FileLock(folder / ".lock", timeout=0):
            yield
    except Timeout:
        raise PsylmError(f"{folder}: another psylm process is running in this folder") from None


class Run:
    """A run folder, read.

    Parameters
    ----------
    path
        The folder that `psylm run` wrote.

    Raises
    ------
    InputError
        The folder holds no run.

    Attributes
    ----------
    path
        The folder.
    manifest
        What was run, with what: configuration, versions, checksums, seed, machine and times.

    Examples
    --------
    A run folder is read with ``Run("runs/cloze")``; ``run.results`` is the tidy table, one row a value.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        file = self.path / "manifest.json"
        if not file.is_file():
            raise InputError(Problem(str(self.path), "no manifest.json", "the folder of a psylm run"))
        try:
            self.manifest: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputError(Problem(str(file), f"broken JSON ({error})", "a run's manifest")) from None

    @property
    def complete(self) -> bool:
        """Whether every trial has been scored."""
        return (self.path / "results.parquet").is_file()

    @property
    def results(self) -> pd.DataFrame:
        """The tidy long table: one row a value, columns as in `psylm.runs.run.COLUMNS`."""
        if not self.complete:
            raise PsylmError(f"{self.path}: the run is not complete; the same `psylm run` resumes it")
        return pd.read_parquet(self.path / "results.parquet").astype(KINDS)

    @property
    def stimulus_names(self) -> list[str]:
        """Names of the stimulus sets of the run."""
        return list(self.manifest["stimuli"])

    @property
    def model_names(self) -> list[str]:
        """Names of the models of the run."""
        return list(self.manifest["models"])

    def items(self, stimuli: str) -> pd.DataFrame:
        """Items of a stimulus set, as they were when the run began."""
        return pd.read_parquet(self._stimuli(stimuli) / "items.parquet")

    def human(self, stimuli: str) -> pd.DataFrame | None:
        """Human data of a stimulus set (item, condition, measure, value, …), or None where it has none."""
        file = self._stimuli(stimuli) / "human.parquet"
        return pd.read_parquet(file) if file.is_file() else None

    def card(self, stimuli: str) -> dict[str, Any]:
        """Card of a stimulus set, as plain data."""
        card: dict[str, Any] = self.manifest["stimuli"][stimuli]["card"]
        return card

    def array_names(self) -> list[str]:
        """Names of the arrays of the run."""
        return array_names(self.path / "arrays")

    def arrays(self, name: str, *, model: str, stimuli: str) -> Iterator[tuple[str, str, np.ndarray]]:
        """Read the arrays of a name one by one, in the order of the stimuli.

        Parameters
        ----------
        name
            A name out of `array_names`.
        model, stimuli
            Whose arrays.

        Yields
        ------
        item, condition, array
            The array of one trial.
        """
        yield from read_arrays(self.path / "arrays", name, model, stimuli)

    def stacked(self, name: str, *, model: str, stimuli: str) -> tuple[pd.DataFrame, np.ndarray]:
        """Read the arrays of a name as one, where all trials' have the same shape; parameters as in `arrays`.

        Returns
        -------
        trials, array
            A table with `item` and `condition`, and the array [trials, ...] in its order.

        Raises
        ------
        InputError
            The run has no such arrays, or they differ in shape.
        """
        return stacked(self.path / "arrays", name, model, stimuli)

    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables that the analysis wrote, by name."""
        return {file.stem: pd.read_csv(file) for file in sorted((self.path / "analysis").glob("*.csv"))}

    def _stimuli(self, name: str) -> Path:
        if name not in self.manifest["stimuli"]:
            expected = "one of " + ", ".join(self.stimulus_names)
            raise InputError(Problem(f"{self.path}: stimuli", repr(name), expected))
        return self.path / "stimuli" / name


class RunWriter:
    """Writes a run folder; at most one process at a time.

    Parts are numbered by the plan; each is a Parquet file that is renamed into place, so a part is there whole
    or not at all, and a run that was killed goes on at the first part that is not there.

    Parameters
    ----------
    path
        The run folder; made where it is absent.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.parts = path / "parts"

    def manifest(self, content: dict[str, Any]) -> None:
        """Write the manifest."""
        write_json(self.path / "manifest.json", content)

    def stimuli(self, name: str, items: pd.DataFrame, human: pd.DataFrame | None) -> None:
        """Keep a copy of the items and human data, so that the run can be analysed wherever it is taken."""
        write_table(self.path / "stimuli" / name / "items.parquet", items)
        if human is not None:
            write_table(self.path / "stimuli" / name / "human.parquet", human)

    def done(self, part: str) -> bool:
        """Whether a part has been written."""
        return (self.parts / f"{part}.parquet").is_file()

    def part(self, name: str, table: pd.DataFrame, arrays: TrialArrays | None = None) -> None:
        """Write one part; its arrays first, since a part counts as done once its table is there."""
        if arrays is not None:
            write_arrays(self.path / "arrays" / f"{name}.safetensors", arrays)
        write_table(self.parts / f"{name}.parquet", table)

    def finish(self, groups: list[list[str]]) -> None:
        """Join the parts into `results.parquet`, and remove them.

        Parameters
        ----------
        groups
            Names of the parts, those of one model, stimulus set and measure together. Within a group the rows are
            put in the order of the stimuli, by the parts' `trial` column.
        """
        tables = [
            pd.concat([pd.read_parquet(self.parts / f"{name}.parquet") for name in group]).sort_values(
                "trial", kind="stable"
            )
            for group in groups
        ]
        write_table(self.path / "results.parquet", pd.concat(tables)[COLUMNS].astype(KINDS))
        for file in self.parts.glob("*.parquet"):
            file.unlink()
        self.parts.rmdir()
