"""Simulated experiments that R analysed too: `python -m tests.r.simulate` writes them, `reference.R` reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
SUBJECTS, ITEMS = 24, 20


def reading(seed: int = 20261124) -> pd.DataFrame:
    """Reading times and answers of subjects to items, both conditions of a factor within each; with random slopes."""
    random = np.random.default_rng(seed)
    subjects = random.multivariate_normal([0, 0], [[40.0**2, 300.0], [300.0, 20.0**2]], SUBJECTS)
    items = random.multivariate_normal([0, 0], [[25.0**2, 0.0], [0.0, 12.0**2]], ITEMS)
    rows = []
    for subject in range(SUBJECTS):
        for item in range(ITEMS):
            for condition in (-0.5, 0.5):
                mean = 400 + subjects[subject, 0] + items[item, 0]
                mean += condition * (30 + subjects[subject, 1] + items[item, 1])
                odds = 1.2 - 0.9 * condition + subjects[subject, 0] / 50 + items[item, 0] / 40
                rows.append(
                    {
                        "subject": f"s{subject:02d}",
                        "item": f"i{item:02d}",
                        "condition": condition,
                        "time": round(mean + random.normal(0, 60), 3),
                        "correct": int(random.random() < 1 / (1 + np.exp(-odds))),
                        "frequency": round(random.normal(4, 1), 4),
                    }
                )
    return pd.DataFrame(rows)


def factorial(seed: int = 7) -> pd.DataFrame:
    """Means of subjects in a 2 x 2 design within subjects: grammaticality and attractor."""
    random = np.random.default_rng(seed)
    rows = []
    for subject in range(30):
        own = random.normal(0, 40)
        for grammatical in ("yes", "no"):
            for attractor in ("same", "other"):
                mean = 500 + own + 50 * (grammatical == "no") - 25 * (grammatical == "no" and attractor == "other")
                rows.append([f"s{subject:02d}", grammatical, attractor, round(mean + random.normal(0, 45), 3)])
    return pd.DataFrame(rows, columns=["subject", "grammatical", "attractor", "time"])


def main() -> None:
    """Write the data for R."""
    reading().to_csv(HERE / "reading.csv", index=False)
    factorial().to_csv(HERE / "factorial.csv", index=False)


if __name__ == "__main__":
    main()
