"""Simulated participants: models that differ by a seed alone, as levels of a factor `subject`."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from psylm.common.errors import InputError, Problem
from psylm.runs.run import Run

COLUMNS = ["group", "subject", "stimuli", "item", "condition", "value"]


def subject_of(name: str, info: dict[str, Any]) -> tuple[str, str] | None:
    """Return the group and the subject that a model is, by what a manifest says of it; None where no seed made it.

    A model that `psylm train` made is the learner of its training's seed, one step of training a group; a lesion that
    draws at random (`thinned=0.1@7`, `noise=0.2@7`, …) makes the subject of its seed, the same lesion a group.

    Examples
    --------
    >>> info = {"lesion": {"changes": "thinned=0.1@7", "facts": [{"kind": "thinned", "seed": 7}]}, "training": None}
    >>> subject_of("embedded:smollm2-135m#thinned=0.1@7", info)
    ('embedded:smollm2-135m#thinned=0.1', '7')
    """
    lesion, training = info.get("lesion"), info.get("training")
    drawn = [str(fact["seed"]) for fact in (lesion["facts"] if lesion else []) if fact["seed"] is not None]
    changes = re.sub(r"@\d+|(?<=random=)\d+", "", lesion["changes"]) if lesion else ""
    base, seeds = name.rpartition("#")[0] if lesion else name, drawn
    if training:
        base, seeds = f"{training['model']} after {training['step']} steps", [str(training["seed"]), *drawn]
    return (f"{base}#{changes}" if changes else base, "/".join(seeds)) if seeds else None


def participants(run: Run, *, measure: str = "surprisal", region: str = "target") -> pd.DataFrame:
    """Return a run over models that differ by their seeds as the data of an experiment with subjects and items.

    Parameters
    ----------
    run
        A run over seeds of a lesion, of `psylm train`, or of both.
    measure, region
        Which of its values are the responses.

    Returns
    -------
    DataFrame
        A row a response: `group` (what its subjects have in common), `subject`, `stimuli`, `item`, `condition`,
        `value`, and the factors of the stimulus sets. `fit_mixed` takes it, with crossed random effects:
        `value ~ condition + (1 | subject) + (1 | item)`.

    Raises
    ------
    InputError
        No two models differ by a seed alone.
    """
    known = {name: subject_of(name, info) for name, info in run.manifest["models"].items()}
    named = pd.DataFrame(
        [[name, *made] for name, made in known.items() if made is not None], columns=["model", "group", "subject"]
    )
    named = named[named.groupby("group")["subject"].transform("nunique") > 1]
    if named.empty:
        expected = "models that differ by their seeds: thinned=0.1@1 and thinned=0.1@2, or several seeds of a training"
        raise InputError(Problem(str(run.path), "no two models that differ by a seed alone", expected))
    rows = run.scores(measure=measure, region=region)
    table = rows.astype({"model": "string"}).merge(named, on="model")
    parts = []
    for stimuli, mine in table.groupby("stimuli", sort=False):
        factors = list(run.card(str(stimuli))["factors"])
        items = run.items(str(stimuli))
        keyed = mine.astype({"item": "string", "condition": "string"})[COLUMNS]
        parts.append(keyed.merge(items[["item", "condition", *factors]], on=["item", "condition"]))
    return pd.concat([pd.DataFrame(columns=COLUMNS), *parts], ignore_index=True)
