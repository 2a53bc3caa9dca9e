"""How far scores in a lower precision are from those in float32."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import pandas as pd

from psylm.experiment.plan import check_models, make_trials
from psylm.measures.registry import MEASURES
from psylm.models import load_model
from psylm.models.names import ModelSource
from psylm.stimuli import StimulusSet

LOWER = ("bfloat16", "float16", "int8")


def precision(
    name: str, stimuli: StimulusSet, *, dtypes: Sequence[str] = LOWER, device: str = "auto", limit: int = 20
) -> pd.DataFrame:
    """Score every word of some sentences in several precisions, and compare each with float32.

    Parameters
    ----------
    name
        The model.
    stimuli
        The sentences.
    dtypes
        The precisions.
    device
        As in `psylm.load_model`.
    limit
        Take the first so many items.

    Returns
    -------
    DataFrame
        For each precision the number of words, median, 95th percentile and largest absolute difference in surprisal
        (bits), Pearson's r, seconds, and how many times faster than float32.
    """
    surprisal = MEASURES["surprisal"]
    source = ModelSource.of(name)
    check_models([source], [surprisal])
    trials = make_trials(stimuli, limit).assign(target="", start=-1)
    trials = trials.drop_duplicates(["context", "sentence"])
    options = surprisal.options.model_validate({"words": "all"})
    values: dict[str, np.ndarray] = {}
    seconds: dict[str, float] = {}
    for dtype in ("float32", *dtypes):
        model = load_model(source, device=device, dtype=dtype)
        surprisal.function(model, trials.head(2), options)  # the first pass also prepares kernels
        model.remembered.clear()
        started = time.perf_counter()
        scores = surprisal.function(model, trials, options)
        seconds[dtype] = time.perf_counter() - started
        values[dtype] = scores["value"].to_numpy(dtype=float)
        del model
    known = ~np.isnan(values["float32"])
    exact = values["float32"][known]
    rows = []
    for dtype in dtypes:
        mine = values[dtype][known]
        median, most, largest = np.percentile(np.abs(mine - exact), [50, 95, 100])
        rows.append(
            {
                "dtype": dtype, "words": len(exact), "median": median, "p95": most, "largest": largest,
                "r": float(np.corrcoef(mine, exact)[0, 1]), "seconds": seconds[dtype],
                "speed": seconds["float32"] / seconds[dtype],
            }
        )  # fmt: skip
    return pd.DataFrame(rows)
