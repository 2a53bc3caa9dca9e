"""Fits a large reading-time study with crossed random effects here and in R, in turn: `python -m benchmarks.mixed`.

180,000 rows: 300 subjects and 600 items in a Latin square, with a random slope for each. Rscript with lme4 and lmerTest
must be there. Both fit the same table by the same formula; times leave out reading the table. What is compared is
like with like: the fit with Satterthwaite's tests of its fixed effects, which lmerTest adds to lme4.
"""

from __future__ import annotations

import argparse
import re
import resource
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from psylm.stats.mixed_models.fit import fit_mixed

FORMULA = "time ~ condition + (1 + condition | subject) + (1 + condition | item)"

SCRIPT = """
suppressMessages({{library(lme4); library(lmerTest)}})
data <- read.csv("{table}")
data$subject <- factor(data$subject); data$item <- factor(data$item)
fitted <- system.time(model <- lme4::lmer({formula}, data))["elapsed"]
tested <- system.time(table <- coef(summary(as_lmerModLmerTest(model))))["elapsed"]
cat("seconds", fitted, fitted + tested, "\\n")
cat("estimate", format(table[, "Estimate"], digits = 12), "\\n")
cat("error", format(table[, "Std. Error"], digits = 12), "\\n")
cat("df", format(table[, "df"], digits = 12), "\\n")
cat("likelihood", format(as.numeric(logLik(model)), digits = 14), "\\n")
peak <- grep("VmHWM", readLines("/proc/self/status"), value = TRUE)
cat("peak", gsub("[^0-9]", "", peak), "\\n")
"""


def table(subjects: int, items: int, seed: int = 1) -> pd.DataFrame:
    """Simulate reading times of every subject for every item, half of them in each condition."""
    random = np.random.default_rng(seed)
    s = random.multivariate_normal([0, 0], [[3600, 300], [300, 225]], subjects)
    i = random.multivariate_normal([0, 0], [[900, 60], [60, 100]], items)
    subject, item = (grid.ravel() for grid in np.meshgrid(np.arange(subjects), np.arange(items), indexing="ij"))
    condition = np.where((subject + item) % 2 == 0, -0.5, 0.5)
    time_ = 400 + s[subject, 0] + i[item, 0] + condition * (20 + s[subject, 1] + i[item, 1])
    time_ = time_ + random.normal(0, 100, len(subject))
    return pd.DataFrame(
        {"subject": subject.astype(str), "item": item.astype(str), "condition": condition, "time": time_.round(3)}
    )


def lme4(file: Path) -> dict[str, list[float]]:
    """Fit in R; returns what it printed."""
    script = SCRIPT.format(table=file, formula=FORMULA)
    printed = subprocess.run(["Rscript", "-e", script], check=True, capture_output=True, text=True).stdout
    return {key: [float(value) for value in rest.split()] for key, rest in re.findall(r"^(\w+) (.*)$", printed, re.M)}


def main() -> None:
    """Time both in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subjects", type=int, default=300)
    parser.add_argument("--items", type=int, default=600)
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args()
    data = table(chosen.subjects, chosen.items)
    ours: list[float] = []
    theirs: list[list[float]] = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "data.csv"
        data.to_csv(file, index=False)
        for _ in range(chosen.repeats):
            begun = time.perf_counter()
            fit = fit_mixed(data, FORMULA)
            ours.append(time.perf_counter() - begun)
            r = lme4(file)
            theirs.append(r["seconds"])
    fitted, tested = (statistics.median(column) for column in zip(*theirs, strict=True))
    ratio = statistics.median(b / a for a, (_, b) in zip(ours, theirs, strict=True))
    print(f"{len(data):,} rows, {FORMULA}")
    print(f"psylm, fit and tests             {statistics.median(ours):7.2f} s")
    print(f"lmerTest, fit and tests          {tested:7.2f} s (lme4's fit alone {fitted:.2f} s)")
    print(f"lmerTest / psylm, median of {chosen.repeats} pairs: {ratio:.2f}")
    apart = {
        "estimates": _apart(fit.fixed["estimate"], r["estimate"]),
        "errors": _apart(fit.fixed["se"], r["error"]),
        "df": _apart(fit.fixed["df"], r["df"]),
        "log-likelihood": _apart([fit.log_likelihood], r["likelihood"]),
    }
    print("largest relative difference: " + ", ".join(f"{name} {value:.1e}" for name, value in apart.items()))
    here = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    print(f"peak memory: this process {here:,.0f} MiB, R {r['peak'][0] / 2**10:,.0f} MiB")


def _apart(one: object, other: object) -> float:
    a, b = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    return float(np.abs(a / b - 1).max())


if __name__ == "__main__":
    main()
