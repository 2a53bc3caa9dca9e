"""What is to be computed, in which order and in which pieces; nothing is loaded yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd
from pydantic import BaseModel

from psylm.common.errors import InputError, Problem, PsylmError
from psylm.common.language import word_spans
from psylm.lesions.check import lesion_problems
from psylm.measures.registry import MEASURES, TRIAL_COLUMNS, Measure, Together
from psylm.models.families import Family
from psylm.models.load import load_tokenizer
from psylm.models.names import ModelSource
from psylm.models.start import AUTO, find_start
from psylm.models.start import check_family as check_start
from psylm.models.verified import require_verified
from psylm.stimuli import StimulusSet

PART_TRIALS = 48
"""Trials whose scores are written together: what a run that is killed loses at most."""


@dataclass(frozen=True)
class Part:
    """Trials of one stimulus set that one measure scores with one model, and that are written together."""

    name: str
    model: str
    stimuli: str
    measure: Measure
    options: BaseModel
    trials: pd.DataFrame


def make_plan(
    models: Mapping[str, ModelSource], sets: Sequence[StimulusSet], options: dict[str, BaseModel], limit: int | None
) -> list[Part]:
    """Divide an experiment into parts, models outermost, and check that it can be run.

    Parameters
    ----------
    models
        Models by the names that the results call them, as `read_models` returns them.
    sets
        Stimulus sets.
    options
        Options of each measure, by its name.
    limit
        Take this many items of each set only.

    Raises
    ------
    PsylmError
        A model has no such name, or is asked for what it cannot do; a set lacks what a measure needs.
    """
    asked = {name: MEASURES[name] for name in options}
    check_models(list(models.values()), list(asked.values()))
    trials = {stimuli.name: make_trials(stimuli, limit) for stimuli in sets}
    for stimuli in sets:
        _check_stimuli(stimuli, trials[stimuli.name], asked, options)
    return [
        Part(f"{m:03d}-{s:03d}-{k:03d}-{c:06d}", model, stimuli.name, measure, options[name], chunk)
        for m, model in enumerate(models)
        for s, stimuli in enumerate(sets)
        for k, (name, measure) in enumerate(asked.items())
        for c, chunk in enumerate(chunks(trials[stimuli.name], PART_TRIALS, measure.together))
    ]


def make_trials(stimuli: StimulusSet, limit: int | None = None) -> pd.DataFrame:
    """Return a set's trials in its own order: what a measure is given, one row a trial.

    Parameters
    ----------
    stimuli
        The set.
    limit
        Take the first so many items only, with all their conditions.
    """
    items = first_items(stimuli.items, limit)
    trials = items[["item", "condition", "context", "sentence", "target", "start", "regions"]].reset_index(drop=True)
    trials.insert(0, "trial", range(len(trials)))
    trials["language"] = stimuli.card.language
    return trials[TRIAL_COLUMNS]


def first_items(items: pd.DataFrame, limit: int | None) -> pd.DataFrame:
    """Return the first so many items with all their conditions; all of them without a limit."""
    return items if limit is None else items[items["item"].isin(items["item"].unique()[:limit])]


def chunks(trials: pd.DataFrame, size: int, together: Together = "frame") -> Iterator[pd.DataFrame]:
    """Divide trials into chunks of about `size`, never between trials that belong together or have the same text.

    Trials are put in the order of their texts, so that those that share a text or its beginning, whose common
    part a model reads once, come together; those of an item, where a measure needs them so.
    """
    ordered = trials.sort_values(["context", "sentence", "start"], kind="stable")
    labels = groups(ordered, together).sort_values(kind="stable")
    ordered = ordered.loc[labels.index]
    joined = (labels == labels.shift()) | (
        (ordered["context"] == ordered["context"].shift()) & (ordered["sentence"] == ordered["sentence"].shift())
    )
    begin = 0
    for end in range(1, len(ordered) + 1):
        if end == len(ordered) or (end - begin >= size and not joined.iloc[end]):
            yield ordered.iloc[begin:end]
            begin = end


def groups(trials: pd.DataFrame, together: Together) -> pd.Series:
    """Give each trial the number of its group: those that a measure must be given together.

    Examples
    --------
    >>> from psylm.measures.trials import sentence_trials
    >>> trials = sentence_trials(["A b c.", "A b d.", "A b e."], items=["1", "1", "2"], targets=["c", "d", "e"])
    >>> [groups(trials, together).tolist() for together in ("alone", "frame", "item")]
    [[0, 1, 2], [0, 0, 0], [0, 0, 1]]
    """
    if together == "alone":
        return pd.Series(range(len(trials)), index=trials.index)
    keys = ["item"]
    if together == "frame":
        before = [
            sentence[:start] if target else sentence
            for sentence, start, target in zip(trials["sentence"], trials["start"], trials["target"], strict=True)
        ]
        trials, keys = trials.assign(before=before), ["context", "before"]
    return trials.groupby(keys, sort=False).ngroup()


def read_models(names: Sequence[str]) -> dict[str, ModelSource]:
    """Read the names of models, each once; whatever comes after takes what is returned.

    Raises
    ------
    InputError
        One problem for each name that is wrong.
    """
    problems: list[Problem] = []
    sources = {}
    for name in names:
        try:
            sources[name] = ModelSource.parse(name)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(*problems)
    return sources


def check_models(models: Sequence[str | ModelSource], asked: Sequence[Measure]) -> None:
    """Raise where a model's name is wrong, or it cannot do what it is asked for; no weight is loaded."""
    problems: list[Problem] = []
    for source in map(ModelSource.of, models):
        require_verified(source)
        problems += lesion_problems(source) if source.lesion else []
        for measure in asked:
            problem = check_family(source.name, source.traits, measure)
            problems += [problem] if problem else []
    if problems:
        raise InputError(*problems)


def check_family(model: str, family: Family, measure: Measure) -> Problem | None:
    """Return what is wrong where a family of models cannot be asked for a measure."""
    if family.name in measure.families:
        return None
    able = " or ".join(", ".join(sorted(measure.families)).rsplit(", ", 1))
    return Problem(f"model {model!r}", family.described, f"a {able} model for {measure.name}")


def check_starts(options: Sequence[tuple[ModelSource, str]]) -> None:
    """Raise where a model has no start of the kind that is chosen for its texts; no weight is loaded.

    Parameters
    ----------
    options
        Models, and what stands before the texts of each, as in `psylm.load_model`.
    """
    problems: list[Problem] = []
    for source, option in options:
        try:
            check_start(source, option)
            if option != AUTO:
                find_start(source, load_tokenizer(source), option)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(*problems)


def _check_stimuli(
    stimuli: StimulusSet, trials: pd.DataFrame, asked: dict[str, Measure], options: dict[str, BaseModel]
) -> None:
    problems: list[Problem] = []
    for name, measure in asked.items():
        if measure.needs_target and (trials["target"] == "").any():
            raise PsylmError(
                f"stimulus set {stimuli.name!r}: found items without a target; {measure.name} needs one in each"
            )
        if measure.check is not None:
            found = measure.check(trials, options[name])
            problems += [replace(problem, place=f"stimulus set {stimuli.name!r}: {problem.place}") for problem in found]
    if problems:
        raise InputError(*problems)
    if len(trials):
        word_spans(str(trials["sentence"].iloc[0]), stimuli.card.language)  # raises if words cannot be found
