"""The experiment definition: what to run, on which items, with which models."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, field_validator, model_validator
from ruamel.yaml.comments import CommentedMap

from psylm.common.errors import InputError, Problem, one_of
from psylm.common.sizes import bytes_of
from psylm.common.yaml_document import Name, Names, checked, override, place, read_yaml
from psylm.lesions.series import LesionSeries
from psylm.measures.registry import MEASURES
from psylm.models.names import ModelSource
from psylm.models.start import AUTO, check_start


class Experiment(BaseModel, extra="forbid"):
    """An experiment, as its YAML file defines it.

    Parameters
    ----------
    name
        Names the run folder; letters, digits, `.`, `_` and `-`.
    title, description
        For the report.
    stimuli
        Names of stimulus sets.
    models
        Names of models: `embedded:…`, `hub:…`, `file:…`, `scratch:…`; `scratch:FOLDER@all` is every checkpoint of a
        training.
    lesions
        Lesions that each model is tested with, besides intact: kinds, strengths and seeds (`psylm.lesions.series`).
    train
        Name of a training (`experiments/training/`) whose models are made first, where they are not there.
    measures
        Names of measures, or a mapping of one name to its options.
    analysis
        Names of analysis modules, run once the scores are there.
    seed
        Seed of everything random, the bootstrap included.
    device, dtype, memory
        As in `psylm.load_model`.
    start
        What stands before every plain text, as in `psylm.load_model`: one for all models whose texts have a start that
        can be chosen, or a mapping of models to theirs; the others' is `auto`.
    """

    name: Name
    title: str = ""
    description: str = ""
    stimuli: Names
    models: Names
    lesions: list[LesionSeries] = []
    train: str | None = None
    measures: Annotated[list[str | dict[str, dict[str, Any] | None]], Field(min_length=1)]
    analysis: list[str] = []
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 1
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    dtype: Literal["float32", "bfloat16", "float16", "int8"] = "float32"
    memory: str | None = None
    start: str | dict[str, str] = AUTO

    @field_validator("stimuli", "models", "analysis")
    @classmethod
    def _each_once(cls, names: list[str]) -> list[str]:
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"each name once; {', '.join(sorted(twice))} stands twice")
        return names

    @field_validator("memory")
    @classmethod
    def _a_size(cls, memory: str | None) -> str | None:
        if memory is not None:
            try:
                bytes_of(memory)
            except InputError:
                raise ValueError("a size such as 4GB or 800MB") from None
        return memory

    @field_validator("start")
    @classmethod
    def _starts(cls, start: str | dict[str, str]) -> str | dict[str, str]:
        for option in [start] if isinstance(start, str) else start.values():
            try:
                check_start(option)
            except InputError as error:
                raise ValueError(error.problems[0].expected) from None
        return start

    @model_validator(mode="after")
    def _starts_of_its_models(self) -> Experiment:
        strange = sorted(set(self.start) - set(self.models)) if isinstance(self.start, dict) else []
        if strange:
            raise ValueError(f"start: one of the experiment's models, not {', '.join(strange)}")
        return self

    def start_of(self, model: str, source: ModelSource | None = None) -> str:
        """Return what stands before the texts of one of the models, as `psylm.load_model` takes it.

        Parameters
        ----------
        model
            Its name.
        source
            Its name, read, where that has been done.
        """
        if isinstance(self.start, dict):
            return self.start.get(model, AUTO)
        return self.start if (source or ModelSource.parse(model)).traits.starts else AUTO

    @property
    def measure_options(self) -> dict[str, BaseModel]:
        """Each measure's options, checked, by name."""
        chosen = {}
        for entry in self.measures:
            name, options = (entry, {}) if isinstance(entry, str) else next(iter(entry.items()))
            chosen[name] = MEASURES[name].options.model_validate(options or {})
        return chosen

    def resolved(self) -> dict[str, Any]:
        """Return the definition with every default written out, as the manifest keeps it."""
        content = self.model_dump()
        content["measures"] = [{name: options.model_dump()} for name, options in self.measure_options.items()]
        return content


def read_experiment(path: Path, overrides: Sequence[str] = ()) -> Experiment:
    """Read an experiment definition, or the manifest of a run that is to be repeated.

    Parameters
    ----------
    path
        A YAML file, or a `manifest.json`.
    overrides
        `key=value` settings, as `--set` takes them.

    Raises
    ------
    InputError
        Every key that is unknown, absent or has a value that does not fit, with its line.
    """
    document = read_yaml(path)
    if path.suffix == ".json":
        document = _experiment_of_manifest(document, path)
    for assignment in overrides:
        override(document, assignment)
    experiment = checked(Experiment, document, path)
    _check_measures(document, path)
    return experiment


def place_of_analysis(path: Path, number: int) -> str:
    """Say where an experiment names an analysis: file, line and key."""
    document = read_yaml(path)
    at: tuple[int | str, ...] = ("experiment",) if path.suffix == ".json" else ()
    return place(document, path, (*at, "analysis", number))


def _check_measures(document: CommentedMap, path: Path) -> None:
    known = MEASURES
    problems: list[Problem] = []
    seen = set()
    for number, entry in enumerate(document["measures"]):
        at: tuple[int | str, ...] = ("measures", number)
        if isinstance(entry, dict) and len(entry) != 1:
            problems.append(Problem(place(document, path, at), f"{len(entry)} keys", "one measure an entry"))
            continue
        name = entry if isinstance(entry, str) else next(iter(entry))
        if name not in known:
            problems.append(Problem(place(document, path, at), repr(name), one_of(str(name), sorted(known))))
        elif name in seen:
            problems.append(Problem(place(document, path, at), f"{name!r} a second time", "each measure once"))
        elif isinstance(entry, dict):
            try:
                checked(known[name].options, document, path, (*at, name))
            except InputError as error:
                problems += error.problems
        seen.add(name)
    if problems:
        raise InputError(*problems)


def _experiment_of_manifest(document: CommentedMap, path: Path) -> CommentedMap:
    experiment = document.get("experiment")
    if not isinstance(experiment, CommentedMap):
        raise InputError(Problem(f"{path}, key experiment", json.dumps(experiment), "a run's configuration"))
    return experiment
