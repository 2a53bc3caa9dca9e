"""Small tables that figures are drawn from, in `tests/figures/drawings.py` and `tests/figures/test_figures.py`."""

from __future__ import annotations

import numpy as np
import pandas as pd

REGIONS = pd.DataFrame(
    {
        "region": ["subject", "modifier", "verb", "rest"] * 2,
        "condition": ["grammatical"] * 4 + ["ungrammatical"] * 4,
        "estimate": [12.0, 8.0, 4.0, 6.0, 12.5, 8.2, 9.0, 7.0],
        "n": 24,
    }
).assign(
    low=lambda table: table["estimate"] - 2,
    high=lambda table: table["estimate"] + 2,
    within_low=lambda table: table["estimate"] - 0.5,
    within_high=lambda table: table["estimate"] + 0.5,
)

EFFECTS = pd.DataFrame(
    {
        "name": ["N400", "N400", "first pass", "first pass"],
        "who": ["model", "people"] * 2,
        "estimate": [-0.3, -0.2, 0.15, 0.02],
        "low": [-0.4, -0.28, 0.05, -0.05],
        "high": [-0.2, -0.12, 0.25, 0.09],
    }
)

ACCURACY = pd.DataFrame(
    {
        "name": ["agreement", "reflexives", "islands"],
        "estimate": [0.9, 0.7, 0.55],
        "low": [0.8, 0.55, 0.4],
        "high": [0.95, 0.82, 0.69],
        "human": [0.97, 0.95, np.nan],
        "n": [48, 48, 24],
    }
)

PAIRS = pd.DataFrame({"people": np.linspace(-3, 3, 40)}).assign(
    model=lambda table: 1.5 * table["people"] - 1 + np.sin(7 * table["people"]),
    word=[f"word{number}" for number in range(40)],
)

BINS = pd.DataFrame(
    {
        "name": ["A", "A", "A", "B", "B", "B"],
        "predicted": [0.1, 0.5, 0.9] * 2,
        "observed": [0.2, 0.45, 0.7, 0.1, 0.55, 0.85],
        "n": [300, 100, 30] * 2,
    }
).assign(low=lambda table: table["observed"] - 0.05, high=lambda table: table["observed"] + 0.05)

STEPS = pd.DataFrame(
    {"model": ["GPT"] * 3 + ["LSTM"] * 3, "tokens": [1e3, 1e4, 1e5] * 2, "estimate": [0.5, 0.6, 1.0, 0.5, 0.5, 0.9]}
).assign(low=lambda table: table["estimate"] - 0.1, high=lambda table: (table["estimate"] + 0.1).clip(upper=1))

ITEMS = pd.DataFrame(
    [
        {"constraint": constraint, "completion": completion, "value": 5 + 3 * place + 2 * row + item % 4}
        for row, constraint in enumerate(["high", "low"])
        for place, completion in enumerate(["expected", "within", "between"])
        for item in range(12)
    ]
)

LAYERS = pd.DataFrame(
    [
        {"model": model, "layer": layer, "estimate": 0.1 * layer + shift, "low": 0.1 * layer + shift - 0.05,
         "high": 0.1 * layer + shift + 0.05}
        for model, shift in (("trained", 0.2), ("random", 0.0))
        for layer in (-1, 0, 1, 2, 3)
    ]
)  # fmt: skip

POWER = pd.DataFrame(
    {"items": [24] * 3 + [48] * 3, "subjects": [12, 24, 48] * 2, "power": [0.3, 0.6, 0.9, 0.4, 0.75, 0.97]}
).assign(analytic=lambda table: table["power"] + 0.02, low=lambda table: table["power"] - 0.03,
         high=lambda table: table["power"] + 0.03)  # fmt: skip

UNIVERSE = pd.DataFrame(
    [
        {"measure": measure, "model": model, "estimate": estimate, "low": estimate - 0.3, "high": estimate + 0.3}
        for (measure, model), estimate in zip(
            [(measure, model) for measure in ("surprisal", "cloze") for model in ("small", "medium", "large")],
            [0.1, 0.4, 0.5, 0.2, 0.6, 0.9], strict=True,
        )
    ]
)  # fmt: skip

CURVE = pd.DataFrame(
    {"value": [0.0, 5.0, 10.0, 15.0], "effect": [-6.0, 0.0, 4.0, 5.0], "linear": [-4.0, -1.0, 2.0, 5.0],
     "share": [0.4, 0.3, 0.2, 0.1]}
).assign(low=lambda table: table["effect"] - 1.5, high=lambda table: table["effect"] + 1.5)  # fmt: skip

SPILLOVER = pd.DataFrame(
    {"predictor": ["a"] * 3 + ["b"] * 3, "words_back": [0, 1, 2] * 2, "estimate": [2.0, 1.0, 0.2, 1.2, 0.6, -0.3]}
).assign(low=lambda table: table["estimate"] - 0.5, high=lambda table: table["estimate"] + 0.5)

GAINS = pd.DataFrame(
    {"predictor": ["a", "b", "GPT-2"], "kind": ["model", "model", "published"], "perplexity": [90.0, 700.0, 40.0],
     "delta_log_likelihood": [0.02, 0.001, 0.018]}
).assign(low=lambda table: table["delta_log_likelihood"] - 0.005,
         high=lambda table: table["delta_log_likelihood"] + 0.005)  # fmt: skip

PROBED = pd.DataFrame({"layer": [0, 1, 2], "accuracy": [0.7, 0.9, 0.85], "control": [0.5, 0.55, 0.4]}).assign(
    accuracy_low=lambda table: table["accuracy"] - 0.05,
    accuracy_high=lambda table: table["accuracy"] + 0.05,
    control_low=lambda table: table["control"] - 0.05,
    control_high=lambda table: table["control"] + 0.05,
    shuffled=0.3,
)
