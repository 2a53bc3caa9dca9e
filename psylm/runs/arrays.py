"""What does not fit a table, attention maps and embeddings: safetensors files of a run folder, keyed by trial."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors import safe_open
from safetensors.numpy import save_file

from psylm.common.errors import InputError, Problem
from psylm.common.files import replacing


@dataclass(frozen=True)
class TrialArrays:
    """Arrays that one model gave for trials of one stimulus set.

    Parameters
    ----------
    model, stimuli
        Whose they are.
    trials
        `trial`, `item` and `condition` of the trials.
    arrays
        For each name, an array a trial, by the trial's number.
    """

    model: str
    stimuli: str
    trials: pd.DataFrame
    arrays: dict[str, dict[int, np.ndarray]]


def write_arrays(path: Path, content: TrialArrays) -> None:
    """Write arrays to a file, whole or not at all: a tensor `TRIAL/NAME` each; whose they are stands in its metadata.

    Examples
    --------
    >>> folder = getfixture("tmp_path")
    >>> trials = pd.DataFrame({"trial": [0, 1], "item": ["a", "b"], "condition": ["", ""]})
    >>> vectors = {0: np.array([1.0, 2.0]), 1: np.array([3.0, 4.0])}
    >>> write_arrays(folder / "0.safetensors", TrialArrays("m", "s", trials, {"vector": vectors}))
    >>> stacked(folder, "vector", "m", "s")[1].tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    named = content.trials.set_index("trial")[["item", "condition"]].astype(str)
    metadata = {
        "model": content.model,
        "stimuli": content.stimuli,
        "trials": json.dumps({str(trial): list(row) for trial, *row in named.itertuples()}, ensure_ascii=False),
    }
    tensors = {
        f"{trial}/{name}": np.ascontiguousarray(array)
        for name, arrays in content.arrays.items()
        for trial, array in arrays.items()
    }
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata=metadata)


def array_names(folder: Path) -> list[str]:
    """List the names of the arrays of a folder."""
    found: dict[str, None] = {}
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="numpy") as tensors:
            found |= dict.fromkeys(key.partition("/")[2] for key in tensors.keys())  # noqa: SIM118
    return sorted(found)


def read_arrays(folder: Path, name: str, model: str, stimuli: str) -> Iterator[tuple[str, str, np.ndarray]]:
    """Read arrays one by one, in the order of trials; see `psylm.Run.arrays`."""
    places: list[tuple[int, Path, str, str]] = []
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="numpy") as tensors:
            about = tensors.metadata()
            if (about["model"], about["stimuli"]) != (model, stimuli):
                continue
            trials = json.loads(about["trials"])
            there = {key.partition("/")[0] for key in tensors.keys() if key.partition("/")[2] == name}  # noqa: SIM118
            places += [(int(trial), file, *trials[trial]) for trial in there]
    places.sort(key=lambda place: place[0])
    opened: dict[Path, Any] = {}
    for trial, file, item, condition in places:
        if file not in opened:  # mapped, not read: only what is asked for comes into memory
            opened[file] = safe_open(file, framework="numpy")
        yield item, condition, opened[file].get_tensor(f"{trial}/{name}")


def stacked(folder: Path, name: str, model: str, stimuli: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Read arrays of one shape as one array; see `psylm.Run.stacked`."""
    found = list(read_arrays(folder, name, model, stimuli))
    if not found:
        expected = "one of " + ", ".join(array_names(folder)) if folder.is_dir() else "a run with arrays"
        raise InputError(Problem(f"{folder}, arrays of {model} on {stimuli}", f"none named {name!r}", expected))
    shapes = sorted({array.shape for _, _, array in found})
    if len(shapes) > 1:
        raise InputError(Problem(f"{folder}, array {name!r}", f"shapes {shapes[0]} and {shapes[1]}", "one shape"))
    trials = pd.DataFrame([(item, condition) for item, condition, _ in found], columns=["item", "condition"])
    return trials.astype("string"), np.stack([array for _, _, array in found])
