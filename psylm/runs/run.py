"""The run folder: written piece by piece so that nothing computed is lost, and read as tables."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from filelock import FileLock, Timeout

from psylm.common.errors import InputError, Problem, PsylmError, one_of
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
    """Write a table as CSV, TSV or Parquet, by the file's ending, whole or not at all."""
    with replacing(path) as temporary:
        if path.suffix in (".csv", ".tsv"):
            table.to_csv(temporary, index=False, sep="\t" if path.suffix == ".tsv" else ",")
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


Names = str | Collection[str]
"""A name, or several."""


class Run:
    """A run folder, read.

    What is read is kept, and read anew only where the file has changed; every table is handed out as a copy, so that
    what one analysis does to it does not reach the next.

    Parameters
    ----------
    path : str or Path
        The folder that `psylm run` wrote.

    Raises
    ------
    InputError
        The folder holds no run.

    Attributes
    ----------
    path : Path
        The folder.
    manifest : dict
        What was run, with what: configuration, versions, checksums, seed, machine and times.

    Examples
    --------
    >>> folder = getfixture("tmp_path")
    >>> write_json(folder / "manifest.json", {"models": {"a": {}, "b": {}}, "stimuli": {"pairs": {}}})
    >>> rows = pd.DataFrame({"model": list("aabb"), "stimuli": "pairs", "region": ["target", "sentence"] * 2,
    ...                      "measure": "surprisal", "word_id": -1, "value": [4.0, 9.0, 5.0, 8.0]})
    >>> write_table(folder / "results.parquet", rows.reindex(columns=COLUMNS))
    >>> run = Run(folder)
    >>> list(run.grid())
    [('a', 'pairs'), ('b', 'pairs')]
    >>> run.scores(region="target")["value"].tolist(), run.scores(model="b")["value"].tolist()
    ([4.0, 5.0], [5.0, 8.0])
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
        self._read: dict[Path, tuple[tuple[int, int], pd.DataFrame]] = {}

    @property
    def complete(self) -> bool:
        """Whether every trial has been scored."""
        return (self.path / "results.parquet").is_file()

    @property
    def results(self) -> pd.DataFrame:
        """The tidy long table: one row a value, columns as in `psylm.runs.run.COLUMNS`."""
        return self._results().copy()

    def scores(
        self,
        *,
        model: Names | None = None,
        stimuli: Names | None = None,
        measure: Names | None = None,
        region: Names | None = None,
    ) -> pd.DataFrame:
        """Return the rows of the results of some models, stimulus sets, measures and regions.

        Parameters
        ----------
        model, stimuli, measure, region : str or collection of str, optional
            A name, or several; all by default.

        Returns
        -------
        DataFrame
            Rows of `results` in their order, none where nothing was measured.

        Raises
        ------
        InputError
            The run has no such model or stimulus set.
        """
        rows = self._results()
        for column, names in {"model": model, "stimuli": stimuli, "measure": measure, "region": region}.items():
            if names is None:
                continue
            wanted = [names] if isinstance(names, str) else list(names)
            if column in ("model", "stimuli"):
                self._known(column, wanted)
            rows = rows[rows[column].isin(wanted)]
        return rows.copy()

    def grid(self) -> Iterator[tuple[str, str]]:
        """Iterate over every model on every stimulus set: pairs of names, in the order of the config."""
        return product(self.model_names, self.stimulus_names)

    @property
    def stimulus_names(self) -> list[str]:
        """Names of the stimulus sets of the run."""
        return list(self.manifest["stimuli"])

    @property
    def model_names(self) -> list[str]:
        """Names of the models of the run."""
        return list(self.manifest["models"])

    @property
    def seed(self) -> int:
        """The seed of the run: of what is drawn at random, resampling in the analysis included."""
        return int(self.manifest["seed"])

    def items(self, stimuli: str) -> pd.DataFrame:
        """Items of a stimulus set, as they were when the run began; `item` and `condition` are strings."""
        keys = {"item": "string", "condition": "string"}
        return self._table(self._stimuli(stimuli) / "items.parquet", keys).copy()

    def human(self, stimuli: str) -> pd.DataFrame | None:
        """Human data of a stimulus set (item, condition, measure, value, …), or None where it has none."""
        file = self._stimuli(stimuli) / "human.parquet"
        return self._table(file).copy() if file.is_file() else None

    def card(self, stimuli: str) -> dict[str, Any]:
        """Card of a stimulus set, as plain data."""
        self._known("stimuli", [stimuli])
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
        return {file.stem: self._table(file).copy() for file in sorted((self.path / "analysis").glob("*.csv"))}

    def _results(self) -> pd.DataFrame:
        """Return the results, not to be changed: what is handed out is a copy."""
        if not self.complete:
            raise PsylmError(f"{self.path}: the run is not complete; the same `psylm run` resumes it")
        return self._table(self.path / "results.parquet", KINDS)

    def _table(self, file: Path, kinds: dict[str, str] | None = None) -> pd.DataFrame:
        """Read a table once, and again where its file has changed."""
        about = file.stat()
        stamp = (about.st_mtime_ns, about.st_size)
        if file not in self._read or self._read[file][0] != stamp:
            table = pd.read_csv(file) if file.suffix == ".csv" else pd.read_parquet(file)
            self._read[file] = (stamp, table.astype(kinds) if kinds else table)
        return self._read[file][1]

    def _known(self, kind: str, names: Collection[str]) -> None:
        known = self.model_names if kind == "model" else self.stimulus_names
        for name in names:
            if name not in known:
                raise InputError(Problem(f"{self.path}: {kind}", repr(name), one_of(name, known)))

    def _stimuli(self, name: str) -> Path:
        self._known("stimuli", [name])
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
