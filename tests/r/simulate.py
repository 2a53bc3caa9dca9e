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


def design(seed: int = 11) -> pd.DataFrame:
    """Reading times in a mixed design: 12 and 9 subjects in two groups, 3 attractors x 2 numbers within subjects."""
    random = np.random.default_rng(seed)
    rows = []
    for subject in range(21):
        group, own = ("first", "second")[subject % 7 > 3], random.normal(0, 40)
        slope = random.normal(0, 30)  # unequal variances of differences: sphericity does not hold
        for step, attractor in enumerate(("none", "same", "other")):
            for number in ("singular", "plural"):
                mean = 500 + own + step * (15 + slope) + 25 * (number == "plural") * (group == "second")
                rows.append([f"s{subject:02d}", group, attractor, number, round(mean + random.normal(0, 35), 3)])
    return pd.DataFrame(rows, columns=["subject", "group", "attractor", "number", "time"])


def vectors(seed: int = 12) -> pd.DataFrame:
    """Vectors of 20 items in two related spaces, `a1` to `a5` and `b1` to `b5`."""
    random = np.random.default_rng(seed)
    first = random.normal(size=(20, 5))
    second = first + 1.5 * random.normal(size=(20, 5))
    names = [f"{space}{number}" for space in "ab" for number in range(1, 6)]
    return pd.DataFrame(np.hstack([first, second]).round(4), columns=names)


def factors(seed: int = 13) -> pd.DataFrame:
    """Reading times and answers of 16 subjects to 18 items: text factors `a` (2 levels) and `b` (3), and numbers."""
    random = np.random.default_rng(seed)
    subjects, items = random.normal(0, [40, 25], (16, 2)), random.normal(0, [25, 15], (18, 2))
    rows = []
    for subject in range(16):
        for item in range(18):
            a, b = ("hard", "easy")[(subject + item) % 2], ("low", "mid", "high")[item % 3]
            x, z = round(random.normal(5, 2), 3), round(random.gamma(3, 1), 3)
            effect = (a == "hard") * (25 + subjects[subject, 1] + items[item, 1]) + 12 * ("low", "mid", "high").index(b)
            mean = 400 + subjects[subject, 0] + items[item, 0] + effect + 3 * x * (a == "easy")
            odds = 1 - 0.8 * (a == "hard") + 0.2 * (x - 5) + subjects[subject, 0] / 60
            rows.append(
                {
                    "subject": f"s{subject:02d}", "item": f"i{item:02d}", "a": a, "b": b, "x": x, "z": z,
                    "rt": round(mean + random.normal(0, 40), 3),
                    "correct": int(random.random() < 1 / (1 + np.exp(-odds))),
                }
            )  # fmt: skip
    data = pd.DataFrame(rows)
    return data.assign(constant=3.0, double=2 * data["x"] - 1)


def resamples(n: int, count: int, state: int = 20261124) -> np.ndarray:
    """Draw items by a multiplicative congruential generator, the same in R: shape (count, n)."""
    drawn = []
    for _ in range(count * n):
        state = state * 16807 % 2147483647
        drawn.append(state * n // 2147483647)
    return np.array(drawn).reshape(count, n)


def main() -> None:
    """Write the data for R."""
    design().to_csv(HERE / "design.csv", index=False)
    vectors().to_csv(HERE / "vectors.csv", index=False)
    reading().to_csv(HERE / "reading.csv", index=False)
    factorial().to_csv(HERE / "factorial.csv", index=False)
    factors().to_csv(HERE / "factors.csv", index=False)


if __name__ == "__main__":
    main()
