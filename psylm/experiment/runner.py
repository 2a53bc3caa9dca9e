"""Runs an experiment: plan, models, measures, results; whatever was computed is kept."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from psylm.common.errors import InputError, Problem, PsylmError
from psylm.common.progress import Listener, Silent
from psylm.common.registry import using
from psylm.common.study import Study
from psylm.common.version import __version__
from psylm.experiment.definition import Experiment, place_of_analysis, read_experiment
from psylm.experiment.plan import Part, check_starts, first_items, make_plan, read_models
from psylm.experiment.scorer import Scorer
from psylm.experiment.unknown_words import unknown_words
from psylm.lesions.series import with_lesions
from psylm.measures.registry import MEASURES
from psylm.models.names import ModelSource, expanded
from psylm.reporting.finished import finish
from psylm.reporting.requirements import Offered, requirements, too_few, unmet
from psylm.runs.arrays import TrialArrays
from psylm.runs.run import Run, RunWriter, held
from psylm.runs.score_cache import ScoreCache
from psylm.stimuli import StimulusSet, load_stimuli
from psylm.training.train import train

VERSIONED = ("torch", "transformers", "tokenizers", "numpy", "pandas", "scipy", "mixedlm")
IDENTITY = ("psylm", "experiment", "limit")


def run(
    config: str | Path,
    *,
    output: str | Path | None = None,
    overrides: Sequence[str] = (),
    models: Sequence[str] | None = None,
    limit: int | None = None,
    restart: bool = False,
    cache: bool = True,
    analyse: bool = True,
    study: Study | None = None,
    progress: Listener | None = None,
) -> Run:
    """Run an experiment, or go on with one that was stopped; ends with statistics, figures and a report.

    Parameters
    ----------
    config
        Name of an experiment, path of its YAML file, or a run's `manifest.json`, which repeats that run.
    output
        The run folder; `runs/NAME` by default.
    overrides
        `key=value` settings of the config, as `--set` takes them.
    models
        Names of models, in place of the config's.
    limit
        Take the first so many items of each stimulus set only.
    restart
        Set an earlier run in the output folder aside (it is renamed, not removed) and begin anew.
    cache
        Use what earlier runs computed of the same trials, by the same model and measure, and keep what is new; so too
        for the importance of heads, by which a lesion may choose.
    analyse
        Whether to analyse, draw and report the run at its end; `psylm.analyze`, `psylm.draw` and `psylm.report` do it
        later.
    study
        The study; by default the one in use (`psylm.use_study`).
    progress
        Receives each part that is done.

    Returns
    -------
    Run
        The finished run.

    Raises
    ------
    PsylmError
        Anything the user can mend; raised before a model is loaded wherever that can be known.
    AnalysisError
        Analysis modules raised an exception; raised after all else is written.
    """
    with using(study) as used:
        finished = _run(config, used, output, overrides, models, limit, restart, cache, progress or Silent())
        if analyse:
            finish(finished, used)
    return finished


def _run(
    config: str | Path,
    study: Study,
    output: str | Path | None,
    overrides: Sequence[str],
    models: Sequence[str] | None,
    limit: int | None,
    restart: bool,
    cache: bool,
    progress: Listener,
) -> Run:
    """Run an experiment up to its results; parameters as in `run`."""
    path = study.experiment(str(config))
    experiment = read_experiment(path, overrides)
    if models:
        experiment = experiment.model_copy(update={"models": list(models)})
    sets = [load_stimuli(name, study) for name in experiment.stimuli]
    notes = _check_analyses(experiment, path, sets, study, limit)
    for note in notes:
        progress.warn(note)
    if experiment.train is not None and any(name.startswith("scratch:") for name in experiment.models):
        train(experiment.train, study=study, listener=progress)
    experiment = _participants(experiment)
    sources = read_models(experiment.models)
    plan = make_plan(sources, sets, experiment.measure_options, limit)
    starts = {name: experiment.start_of(name, source) for name, source in sources.items()}
    check_starts([(sources[name], start) for name, start in starts.items()])
    manifest = _manifest(experiment, sets, limit, notes)
    if path.suffix == ".json":
        _same_stimuli(Run(path.parent).manifest, manifest, path)
    folder = Path(output) if output else _default_folder(experiment, limit)
    writer = RunWriter(folder)
    earlier = _earlier(folder, manifest, restart)
    with held(folder):
        if earlier is not None and earlier.complete:
            writer.manifest(earlier.manifest | {"status": "complete"})  # may have been killed just before this
            return earlier
        if earlier is not None:
            manifest |= {"models": earlier.manifest["models"], "started": earlier.manifest["started"]}
        for stimuli in sets:
            items = stimuli.items[stimuli.items["item"].isin(_items_used(plan, stimuli.name))]
            writer.stimuli(stimuli.name, items.reset_index(drop=True), stimuli.human)
        writer.manifest(manifest)
        _compute(plan, sources, starts, experiment, writer, manifest, progress, ScoreCache() if cache else None)
        groups = [[part.name for part in group] for _, group in groupby(plan, _result_order)]
        writer.finish(groups)
        unknown = list(unknown_words(Run(folder).results))
        manifest |= {"status": "complete", "finished": _now(), "notes": [*notes, *unknown]}
        writer.manifest(manifest)
    for note in unknown:
        progress.warn(note)
    return Run(folder)


def _check_analyses(
    experiment: Experiment, path: Path, sets: Sequence[StimulusSet], study: Study, limit: int | None
) -> list[str]:
    """Check that the analyses will have what they need; say which will be left out, since there are too few items."""
    options = experiment.measure_options
    given = set().union(*(MEASURES[name].given(chosen) for name, chosen in options.items()))
    offered = [
        Offered(one.name, one.card.model_dump(), first_items(one.items, limit), one.human is not None) for one in sets
    ]
    problems, notes = [], []
    for number, name in enumerate(experiment.analysis):
        needs = requirements(name, study.analysis_module(name))
        problems += unmet(name, needs, given, offered, place_of_analysis(path, number))
        notes.append(too_few(name, needs, offered))
    if problems:
        raise InputError(*problems)
    return [note for note in notes if note]


def _participants(experiment: Experiment) -> Experiment:
    """Name each model of an experiment by itself: every checkpoint, with and without each lesion."""
    models = with_lesions(expanded(experiment.models), experiment.lesions)
    start = experiment.start
    if not isinstance(start, str):
        several = {name: with_lesions(expanded([name]), experiment.lesions) for name in start}
        start = {one: start[name] for name, mine in several.items() for one in mine if one in models}
    return experiment.model_copy(update={"models": models, "lesions": [], "start": start})


def _compute(
    plan: list[Part],
    sources: Mapping[str, ModelSource],
    starts: Mapping[str, str],
    experiment: Experiment,
    writer: RunWriter,
    manifest: dict[str, Any],
    progress: Listener,
    cache: ScoreCache | None,
) -> None:
    for name, group in groupby(plan, lambda part: part.model):
        parts = list(group)
        left = [part for part in parts if not writer.done(part.name)]
        total = sum(len(part.trials) for part in parts)
        progress.begin(name, total, total - sum(len(part.trials) for part in left))
        if not left:
            continue
        _seed(experiment.seed)
        scorer = Scorer(
            sources[name],
            device=experiment.device,
            dtype=experiment.dtype,
            memory=experiment.memory,
            start=starts[name],
            cache=cache,
        )
        before = manifest["models"].get(name, {}).get("sha256", scorer.info.sha256)
        if before != scorer.info.sha256:
            raise PsylmError(f"model {name!r}: its weights changed since the run began; --restart begins anew")
        manifest["models"][name] = asdict(scorer.info)
        writer.manifest(manifest)
        started = time.monotonic()
        for part in left:
            writer.part(part.name, *score_part(scorer, part, experiment.name))
            progress.advance(len(part.trials))
        manifest["models"][name]["seconds"] = round(time.monotonic() - started, 3)
        del scorer  # one model in memory at a time


def score_part(scorer: Scorer, part: Part, experiment: str) -> tuple[pd.DataFrame, TrialArrays | None]:
    """Score one part: the measure's table, with what names each row in the results, and its arrays."""
    scores, arrays = scorer.compute(part.measure, part.options, part.trials)
    trials = part.trials[["trial", "item", "condition"]]
    named = scores.merge(trials, on="trial", how="left", validate="m:1")
    table = named.assign(experiment=experiment, model=part.model, stimuli=part.stimuli)
    return table, TrialArrays(part.model, part.stimuli, trials, arrays) if arrays else None


def _seed(seed: int) -> None:
    import torch

    torch.manual_seed(seed)
    np.random.seed(seed)


def _manifest(
    experiment: Experiment, sets: Sequence[StimulusSet], limit: int | None, notes: list[str]
) -> dict[str, Any]:
    return {
        "psylm": __version__,
        "status": "running",
        "experiment": experiment.resolved(),
        "limit": limit,
        "seed": experiment.seed,
        "models": {},
        "stimuli": {
            stimuli.name: {
                "sha256": stimuli.sha256,
                "items": int(stimuli.items["item"].nunique()),
                "card": stimuli.card.model_dump(mode="json"),
            }
            for stimuli in sets
        },
        "versions": {"python": platform.python_version()}
        | {package: importlib.metadata.version(package) for package in VERSIONED},
        "machine": {
            "system": platform.platform(),
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
        },
        "command": " ".join(Path(word).name if i == 0 else word for i, word in enumerate(sys.argv)),
        "started": _now(),
        "finished": None,
        "notes": notes,
    }


def _earlier(folder: Path, manifest: dict[str, Any], restart: bool) -> Run | None:
    """Return the run in the folder if it is this one; set it aside or raise if it is another."""
    if not folder.exists() or not any(folder.iterdir() if folder.is_dir() else [folder]):
        return None
    if not (folder / "manifest.json").is_file():
        if folder.is_dir() and {entry.name for entry in folder.iterdir()} <= {".lock", "stimuli"}:
            return None
        raise InputError(Problem(f"output {folder}", "something that is not a psylm run", "a new folder or a run's"))
    if restart:
        _set_aside(folder)
        return None
    earlier = Run(folder)
    differences = _differences(earlier.manifest, manifest)
    if differences:
        raise PsylmError(
            f"output {folder}: holds a run that differs in {', '.join(differences)}; "
            "give another --output, or --restart, which sets that run aside"
        )
    return earlier


def _differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    found = [key for key in IDENTITY if key != "experiment" and before.get(key) != now[key]]
    old, new = before.get("experiment", {}), now["experiment"]
    found += [key for key in new if old.get(key) != new[key] and key != "memory"]  # which changes no score
    for name, stimuli in now["stimuli"].items():
        if before.get("stimuli", {}).get(name, {}).get("sha256", stimuli["sha256"]) != stimuli["sha256"]:
            found.append(f"items of {name}")
    return found


def _same_stimuli(before: dict[str, Any], now: dict[str, Any], path: Path) -> None:
    changed = [difference for difference in _differences(before, now) if difference.startswith("items of")]
    if changed:
        raise PsylmError(f"{path}: the {', '.join(changed)} changed since that run; it cannot be repeated exactly")


def _set_aside(folder: Path) -> None:
    number = 1
    while (aside := folder.with_name(f"{folder.name}.old-{number}")).exists():
        number += 1
    folder.rename(aside)


def _default_folder(experiment: Experiment, limit: int | None) -> Path:
    return Path("runs") / (experiment.name if limit is None else f"{experiment.name}-limit-{limit}")


def _items_used(plan: list[Part], stimuli: str) -> set[str]:
    return {item for part in plan if part.stimuli == stimuli for item in part.trials["item"]}


def _result_order(part: Part) -> tuple[str, str, str]:
    return part.model, part.stimuli, part.measure.name


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
