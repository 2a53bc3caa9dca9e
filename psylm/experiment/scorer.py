"""Scores trials with a model, and computes only what no earlier run has."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property
from typing import Any

import pandas as pd
from pydantic import BaseModel

from psylm.common.code import LIBRARIES, code_of, versions_of
from psylm.experiment.plan import groups
from psylm.measures.registry import SCORE_COLUMNS, Arrays, Measure
from psylm.models.base import LanguageModel, ModelInfo
from psylm.models.load import choose_device, load_model
from psylm.models.names import ModelSource
from psylm.models.start import AUTO
from psylm.runs.score_cache import ScoreCache

SEEN = ["context", "sentence", "target", "start", "regions", "language"]
"""What a score may depend on, besides which trials of a group are of one item."""


class Scorer:
    """Scores trials with one model; the model is loaded when something must be computed.

    Parameters
    ----------
    model, device, dtype, memory, start
        As in `psylm.load_model`.
    cache
        Scores of earlier runs; None to compute everything.
    """

    def __init__(
        self,
        model: str | ModelSource,
        *,
        device: str,
        dtype: str,
        memory: str | None = None,
        start: str = AUTO,
        cache: ScoreCache | None = None,
    ) -> None:
        self.source = ModelSource.of(model)
        self.device = choose_device(device)
        self.dtype = dtype
        self.memory = memory
        self.start = start
        self.cache = cache

    @cached_property
    def model(self) -> LanguageModel:
        """The model, loaded on first use."""
        kept = self.cache is not None
        return load_model(
            self.source, device=self.device, dtype=self.dtype, memory=self.memory, start=self.start, cache=kept
        )

    @cached_property
    def info(self) -> ModelInfo:
        """What the model is; known without loading it where an earlier run has."""
        if self.cache is None:
            return self.model.info
        key = _digest(["info", code_of(*self._modules), *self._identity])
        known = self.cache.get([key])
        if not known:
            self.cache.put({key: json.dumps(asdict(self.model.info))})
            return self.model.info
        return ModelInfo(**json.loads(known[key]) | {"name": self.source.name})

    def compute(self, measure: Measure, options: BaseModel, trials: pd.DataFrame) -> tuple[pd.DataFrame, Arrays]:
        """Score trials by a measure that may give arrays too; parameters as in `score`."""
        if measure.arrays:
            table, arrays = measure.function(self.model, trials, options)
            return table, arrays
        return self.score(measure, options, trials), {}

    def score(self, measure: Measure, options: BaseModel, trials: pd.DataFrame) -> pd.DataFrame:
        """Score trials by a measure that gives a table.

        Parameters
        ----------
        measure, options
            The measure and what was chosen of it.
        trials
            Trials, those that belong together (`Measure.together`) all among them.

        Returns
        -------
        DataFrame
            Scores, as the measure returns them.
        """
        if self.cache is None:
            table: pd.DataFrame = measure.function(self.model, trials, options)
            return table
        code = code_of(measure.function.__module__, *self._modules)
        labels = groups(trials, measure.together)
        keyed = [
            (_digest([code, *self._identity, measure.name, options.model_dump(), contents]), mine)
            for contents, mine in _groups(trials, labels)
        ]
        known = self.cache.get(list({key for key, _ in keyed}))
        # Groups that are alike are computed once; each has its own rows all the same.
        missing = {key: mine for key, mine in reversed(keyed) if key not in known}
        if missing:
            fresh = trials[trials["trial"].isin([trial for mine in missing.values() for trial in mine])]
            computed = _packed(measure.function(self.model, fresh, options), missing)
            self.cache.put(computed)
            known |= computed
        rows = [row for key, mine in keyed for row in _unpacked(known[key], mine)]
        return pd.DataFrame(rows, columns=SCORE_COLUMNS)

    @cached_property
    def _identity(self) -> list[str]:
        assert self.cache is not None, "only kept scores need to know what they were computed from"
        stamp = _digest(["identity", self.source.name, self.source.stamp])
        known = self.cache.get([stamp])
        if not known:  # reading gigabytes of weights takes longer than finding the scores
            known = {stamp: self.source.identity}
            self.cache.put(known)
        return [*versions_of(*LIBRARIES), known[stamp], self.device, self.dtype, self.start]

    @cached_property
    def _modules(self) -> list[str]:
        """The modules that the model's part in a score is computed by, what they import aside."""
        changes = self.source.lesion.changes
        entered = [part for change in changes for part in (change.about.choose, change.about.enter) if part]
        adapter = self.source.traits.adapter_class().__module__
        return ["psylm.models.load", adapter, *(part.__module__ for part in entered)]


def _groups(trials: pd.DataFrame, labels: pd.Series) -> list[tuple[list[Any], list[int]]]:
    """Return what each group's scores depend on, and its trials."""
    grouped: dict[int, list[tuple[str, list[Any], int]]] = {}
    columns = (labels, trials["item"], trials[SEEN].to_numpy().tolist(), trials["trial"])
    for label, item, seen, trial in zip(*columns, strict=True):
        grouped.setdefault(label, []).append((item, seen, trial))
    found = []
    for group in grouped.values():
        number = {item: place for place, item in enumerate(dict.fromkeys(item for item, _, _ in group))}
        found.append(([[number[item], *seen] for item, seen, _ in group], [trial for _, _, trial in group]))
    return found


def _packed(scores: pd.DataFrame, keyed: dict[bytes, list[int]]) -> dict[bytes, str]:
    """Write the scores of each group of trials as text, each trial by its number in the group."""
    rows: dict[int, list[list[Any]]] = {}
    for trial, *row in scores[SCORE_COLUMNS].astype({"word_id": int, "value": float}).values.tolist():
        rows.setdefault(trial, []).append(row)
    return {
        key: json.dumps([[place, *row] for place, trial in enumerate(trials) for row in rows.get(trial, [])])
        for key, trials in keyed.items()
    }


def _unpacked(value: str, trials: Sequence[int]) -> list[list[Any]]:
    return [[trials[place], *row] for place, *row in json.loads(value)]


def _digest(content: Any) -> bytes:
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).digest()
