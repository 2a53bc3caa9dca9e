"""How often each test errs: `python -m benchmarks.error_rates` simulates experiments and counts, in about ten minutes.

Every test is given 1,000 experiments without an effect, and its share of p < .05 is compared with 5%; then 1,000 with
an effect of known size, and the share of 95% intervals that hold it is compared with 95%. A share is as it should be
where it lies within the central 95% of the binomial distribution. Small samples on purpose: large ones forgive.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from psylm.stats.attention.heads import best_head, head_tests
from psylm.stats.inference.anova import anova
from psylm.stats.inference.calibration import calibration
from psylm.stats.inference.ceiling import split_half
from psylm.stats.inference.contrasts import contrast, min_f
from psylm.stats.inference.correlation import correlation
from psylm.stats.inference.effects import cohens_d
from psylm.stats.inference.equivalence import tost
from psylm.stats.inference.intervals import independent_contrast, mean_interval, paired_contrast, proportion_interval
from psylm.stats.inference.multiple import adjusted
from psylm.stats.inference.rsa import dissimilarity, mantel
from psylm.stats.mixed_models.emmeans import mean_contrast, mean_contrasts
from psylm.stats.mixed_models.fit import compare, fit_mixed
from psylm.stats.mixed_models.maximal import fit_maximal
from psylm.stats.reading.predictive import predictive_gain
from psylm.stats.similarity.association import association

NAN = math.nan


class Outcome(NamedTuple):
    """What one simulated experiment gave: a p-value, an interval, and the truth that the interval should hold."""

    p: float = NAN
    low: float = NAN
    high: float = NAN
    truth: float = NAN


Outcomes = dict[str, Outcome]
Case = Callable[[np.random.Generator, bool], Outcomes]


def paired(random: np.random.Generator, effect: bool) -> Outcomes:
    """24 items, skewed differences."""
    truth = 0.5 if effect else 0.0
    normal = random.normal(truth, 1, 24)
    skewed = random.gamma(4, 0.5, 24) - 2 + truth
    found, other = paired_contrast(normal), paired_contrast(skewed)
    d = cohens_d(normal, kind="z")
    mean = mean_interval(normal)
    return {
        "paired t, 24 items": Outcome(found.p, found.low, found.high, truth),
        "paired t, 24 items, skewed (gamma, shape 4)": Outcome(other.p, other.low, other.high, truth),
        "mean": Outcome(NAN, mean[1], mean[2], truth),
        "Cohen's d_z": Outcome(d.p, d.low, d.high, truth),
    }


def independent(random: np.random.Generator, effect: bool) -> Outcomes:
    """Groups of 16 and 30, SD 2 and 1."""
    truth = 1.0 if effect else 0.0
    found = independent_contrast(random.normal(truth, 2, 16), random.normal(0, 1, 30))
    a, b = random.normal(truth, 1, 16), random.normal(0, 1, 30)
    d = cohens_d(a, b, kind="s")
    return {
        "Welch t, 16 and 30 items, SD 2 and 1": Outcome(found.p, found.low, found.high, truth),
        "Cohen's d_s": Outcome(d.p, d.low, d.high, truth),
    }


def correlations(random: np.random.Generator, effect: bool) -> Outcomes:
    """40 items of a bivariate normal distribution."""
    rho = 0.5 if effect else 0.0
    x = random.normal(0, 1, 40)
    y = rho * x + math.sqrt(1 - rho**2) * random.normal(0, 1, 40)
    truths = {
        "pearson": rho,
        "spearman": 6 / math.pi * math.asin(rho / 2),
        "kendall": 2 / math.pi * math.asin(rho),
    }
    found = {}
    for kind, truth in truths.items():
        seed = int(random.integers(2**31))
        one = correlation(x, y, kind=kind, seed=seed, resamples=1000, permutations=0 if effect else 999)
        found[f"{kind}, 40 items (BCa)"] = Outcome(one.p, one.low, one.high, truth)
        found[f"{kind}, 40 items, permutation"] = Outcome(one.p_permutation)
    return found


def factorial(random: np.random.Generator, effect: bool) -> Outcomes:
    """20 units in two groups, three levels within each: correlated, of unequal variance."""
    truth = 0.8 if effect else 0.0
    spread = np.array([1, 1.5, 3])
    levels = random.normal(0, 1, (20, 1)) + random.normal(0, 1, (20, 3)) * spread
    levels[:, 2] += truth
    group = np.repeat(["p", "q"], 10)
    rows = [(f"u{u}", group[u], "abc"[k], levels[u, k]) for u in range(20) for k in range(3)]
    data = pd.DataFrame(rows, columns=["unit", "group", "level", "y"])
    table = anova(data, "y", "unit", within=["level"], between=["group"]).set_index("effect")
    main = contrast(data, "y", "unit", {"level": ("c", "a")})
    crossed = contrast(data, "y", "unit", {"level": ("c", "a"), "group": ("p", "q")})
    return {
        "ANOVA, within (3 levels, Greenhouse-Geisser)": Outcome(NAN if effect else table.loc["level", "p"]),
        "ANOVA, between": Outcome(table.loc["group", "p"]),
        "ANOVA, interaction of both": Outcome(table.loc["group:level", "p"]),
        "contrast within": Outcome(main.p, main.low, main.high, truth),
        "contrast of an interaction": Outcome(crossed.p, crossed.low, crossed.high, 0.0),
    }


def crossed(random: np.random.Generator, effect: bool, subjects: int = 16, items: int = 16) -> pd.DataFrame:
    """Subjects and items in a Latin square, with random slopes of both."""
    s = random.normal(0, 1, (subjects, 2)) * [1, 0.4]
    i = random.normal(0, 1, (items, 2)) * [0.6, 0.4]
    subject, item = (grid.ravel() for grid in np.meshgrid(np.arange(subjects), np.arange(items), indexing="ij"))
    x = np.where((subject + item) % 2 == 0, -0.5, 0.5)
    y = s[subject, 0] + i[item, 0] + x * (float(effect) + s[subject, 1] + i[item, 1]) + random.normal(0, 1, len(x))
    return pd.DataFrame({"y": y, "x": x, "subject": subject.astype(str), "item": item.astype(str)})


def mixed(random: np.random.Generator, effect: bool) -> Outcomes:
    """The maximal model without correlations."""
    data = crossed(random, effect)
    slopes = "(1 + x || subject) + (1 + x || item)"
    row = fit_mixed(data, f"y ~ x + {slopes}").fixed.set_index("term").loc["x"]
    p = NAN if effect else compare(data, f"y ~ 1 + {slopes}", f"y ~ x + {slopes}")[0].p
    f = min_f(data, "y", ["x"]).iloc[0]
    return {
        "mixed model, Satterthwaite": Outcome(row["p"], row["low"], row["high"], float(effect)),
        "mixed model, likelihood ratio": Outcome(p),
        "min F' (conservative by construction)": Outcome(f["p"], -f["high"], -f["low"], float(effect)),
    }


def formulas(random: np.random.Generator, effect: bool) -> Outcomes:
    """A condition as text and as numbers, a factor of three levels between items, and columns that say nothing."""
    data = crossed(random, effect, items=18)
    data["cond"] = np.where(data["x"] > 0, "late", "early")
    data["kind"] = data["item"].astype(int).mod(3).map(dict(enumerate(["noun", "verb", "name"])))
    data["constant"], data["twice"] = 1.0, 2 * data["x"] + 1
    truth = float(effect)

    def of(row: pd.Series, sign: float = 1.0) -> Outcome:
        low, high = sorted((sign * row["low"], sign * row["high"]))
        return Outcome(row["p"], low, high, truth)

    found = {}
    for name, term in (("x", "x"), ("cond", "condlate")):
        fit = fit_maximal(data, f"y ~ {name}", {"subject": [name], "item": [name]})
        coding = "numbers" if name == "x" else "text"
        found[f"maximal model by the rule, condition as {coding}"] = of(fit.fixed.set_index("term").loc[term])
    slopes = "(1 + C(cond, Sum) || subject) + (1 + C(cond, Sum) || item)"
    fit = fit_mixed(data, f"y ~ constant + cond * kind + {slopes}")
    main = mean_contrast(fit, {"cond": ("late", "early")})
    simple = mean_contrasts(fit, "cond", by=["kind"]).iloc[0]
    crossing = mean_contrast(fit, {"cond": ("late", "early"), "kind": ("noun", "verb")})
    numbers = fit_mixed(data, "y ~ constant + x + twice + (1 + x || subject) + (1 + x || item)")
    nested = fit_mixed(data, f"y ~ kind / cond + {slopes}").fixed.set_index("term")
    found |= {
        "marginal means, main effect (text)": of(main),
        "marginal means, simple effect (text)": of(simple, -1.0),
        "marginal means, interaction (text)": Outcome(crossing["p"], crossing["low"], crossing["high"], 0.0),
        "nested effect, kind / cond (text)": of(nested.loc["kindnoun:condlate"]),
        "beside a constant and a collinear column (numbers)": of(numbers.fixed.set_index("term").loc["x"]),
    }
    return found


def text_answers(random: np.random.Generator, effect: bool) -> Outcomes:
    """Answers as in `logistic`, the condition as text."""
    data = crossed(random, False)
    s, i = random.normal(0, 0.7, 16), random.normal(0, 0.7, 16)
    odds = 0.5 + float(effect) * data["x"] + s[data["subject"].astype(int)] + i[data["item"].astype(int)]
    data["correct"] = np.where(random.random(len(data)) < 1 / (1 + np.exp(-odds)), "yes", "no")
    data["cond"] = np.where(data["x"] > 0, "late", "early")
    fit = fit_mixed(data, "correct ~ cond + (1 | subject) + (1 | item)", family="binomial")
    row = mean_contrast(fit, {"cond": ("late", "early")})
    return {"logistic, condition and answers as text": Outcome(row["p"], row["low"], row["high"], float(effect))}


def logistic(random: np.random.Generator, effect: bool) -> Outcomes:
    """Answers of 16 subjects to 16 items, random intercepts."""
    data = crossed(random, False)
    s, i = random.normal(0, 0.7, 16), random.normal(0, 0.7, 16)
    odds = 0.5 + float(effect) * data["x"] + s[data["subject"].astype(int)] + i[data["item"].astype(int)]
    data["correct"] = (random.random(len(data)) < 1 / (1 + np.exp(-odds))).astype(int)
    fit = fit_mixed(data, "correct ~ x + (1 | subject) + (1 | item)", family="binomial")
    row = fit.fixed.set_index("term").loc["x"]
    return {"logistic mixed model, z": Outcome(row["p"], row["low"], row["high"], float(effect))}


def equivalence(random: np.random.Generator, effect: bool) -> Outcomes:
    """24 items whose true difference lies on the bound, where equivalence must be found in 5%."""
    found = tost(random.normal(0.5, 1, 24), bounds=(-0.5, 0.5))
    return {} if effect else {"TOST at the bound": Outcome(found.p)}


def families(random: np.random.Generator, effect: bool) -> Outcomes:
    """Any error among six tests of nothing."""
    p = [paired_contrast(random.normal(0, 1, 24)).p for _ in range(6)]
    if effect:
        return {}
    return {f"{name} over six tests": Outcome(float(adjusted(p, name).min())) for name in ("holm", "bh")}


def proportions(random: np.random.Generator, effect: bool) -> Outcomes:
    """48 pairs."""
    truth = 0.8 if effect else 0.5
    _, low, high = proportion_interval(int(random.binomial(48, truth)), 48)
    return {"proportion of 48 (Wilson)": Outcome(NAN, low, high, truth)}


def gains(random: np.random.Generator, effect: bool) -> Outcomes:
    """Reading times of 400 words in 40 sentences, with random intercepts of sentences."""
    sentence = np.repeat(np.arange(40), 10)
    bits = random.gamma(3, 2, 400)
    time_ = 300 + random.normal(0, 10, 40)[sentence] + random.normal(0, 40, 400) + (3 * bits if effect else 0)
    data = pd.DataFrame({"s": sentence, "bits": bits, "length": random.integers(2, 10, 400), "time": time_})
    found = predictive_gain(data, "time", ["length"], ["bits"], group="s", resamples=999)
    # A predictor that says nothing predicts a little worse than none; what would be an error is to find a gain.
    above = found.p / 2 if found.delta_log_likelihood > 0 else 1 - found.p / 2
    return {} if effect else {"gain on held-out sentences above 0 (conservative by construction)": Outcome(above)}


def people(random: np.random.Generator, effect: bool) -> Outcomes:
    """12 subjects and 24 items for the noise ceiling; 60 items with 20 answers each for calibration."""
    found = {}
    if effect:
        values = random.normal(0, 1, (1, 24)) + random.normal(0, 2, (12, 24))
        subject, item = (grid.ravel() for grid in np.meshgrid(range(12), range(24), indexing="ij"))
        table = pd.DataFrame({"subject": subject, "item": item, "value": values.ravel()})
        ceiling = split_half(table, seed=int(random.integers(2**31)), splits=100, resamples=500)
        found["noise ceiling, 12 subjects, 24 items (BCa)"] = Outcome(NAN, ceiling.low, ceiling.high, 12 / (12 + 4))
    slope = 0.6 if effect else 1.0
    odds = random.normal(0, 1.5, 60)
    share = random.binomial(20, 1 / (1 + np.exp(-slope * odds))) / 20
    rows = calibration(1 / (1 + np.exp(-odds)), share, 20, seed=1, resamples=50).table.set_index("quantity")
    row = rows.loc["slope"]
    return found | {"calibration slope against 1": Outcome(row["p"], row["low"], row["high"], slope)}


def spaces(random: np.random.Generator, effect: bool) -> Outcomes:
    """24 items in two spaces that have nothing in common; targets and attributes at random."""
    if effect:
        return {}
    seed = int(random.integers(2**31))
    first, second = (dissimilarity(random.normal(0, 1, (24, 8))) for _ in range(2))
    found = mantel(first, second, seed=seed, permutations=999, resamples=0)
    vectors = [random.normal(0, 1, (8, 10)) for _ in range(4)]
    return {
        "RSA, 24 items, Mantel": Outcome(found.p),
        "association test, 8 words a set (one-sided)": Outcome(association(*vectors, seed=seed, permutations=999).p),
    }


def heads(random: np.random.Generator, effect: bool) -> Outcomes:
    """24 items, 4 layers of 6 heads, correlated over heads; none selects."""
    if effect:
        return {}
    values = random.normal(0, 1, (24, 1, 1)) * 0.5 + random.standard_t(5, (24, 4, 6))
    seed = int(random.integers(2**31))
    tests = head_tests(values, range(24), permutations=499, seed=seed)
    return {
        "best head on other items (one-sided)": Outcome(
            best_head(values, range(24), permutations=499, seed=seed).result.p
        ),
        "any of 24 heads, largest statistic": Outcome(float(tests["p_max"].min())),
        "any of 24 heads, Holm": Outcome(float(tests["p_holm"].min())),
    }


CASES: tuple[Case, ...] = (
    paired,
    independent,
    correlations,
    factorial,
    mixed,
    logistic,
    equivalence,
    families,
    proportions,
    gains,
    people,
    spaces,
    heads,
    formulas,  # each case's random numbers depend on its place: new ones go last
    text_answers,
)


def simulate(case: Case, effect: bool, seed: int) -> Outcomes:
    """Run one experiment, with random numbers of its own."""
    return case(np.random.default_rng([seed, int(effect), CASES.index(case)]), effect)


def shares(case: Case, experiments: int, pool: ProcessPoolExecutor) -> pd.DataFrame:
    """Return for each test of a case how often it rejected what is true, and how often its interval held the truth."""
    outcomes: dict[str, dict[bool, list[Outcome]]] = {}
    for effect in (False, True):
        for found in pool.map(partial(simulate, case, effect), range(experiments), chunksize=20):
            for name, outcome in found.items():
                outcomes.setdefault(name, {}).setdefault(effect, []).append(outcome)
    rows = []
    for name, by in outcomes.items():
        p = np.array([outcome.p for outcome in by.get(False, [])])
        held = np.array([one.low <= one.truth <= one.high for one in by.get(True, []) if not math.isnan(one.low)])
        rows.append(
            {"test": name, "errors": np.mean(p < 0.05) if (~np.isnan(p)).any() else NAN, "tests": np.sum(~np.isnan(p))}
            | {"coverage": held.mean() if len(held) else NAN, "intervals": len(held)}
        )
    return pd.DataFrame(rows)


def verdict(share: float, n: int, nominal: float) -> str:
    """Write a share, and mark one that lies outside the central 95% of the binomial distribution."""
    if not n:
        return ""
    low, high = stats.binom.ppf([0.025, 0.975], n, nominal)
    inside = low <= round(share * n) <= high
    return f"{100 * share:.1f}%" + ("" if inside else " (low)" if share < nominal else " (high)")


def main() -> None:
    """Print the table, as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiments", type=int, default=1000)
    parser.add_argument("--only", default="", help="cases whose name holds this")
    chosen = parser.parse_args()
    begun = time.perf_counter()
    n = chosen.experiments
    print("| test | errors without an effect (5%) | intervals that hold the effect (95%) |\n| --- | --- | --- |")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        for case in CASES:
            if chosen.only in case.__name__:
                for row in shares(case, n, pool).itertuples():
                    errors, coverage = verdict(row.errors, row.tests, 0.05), verdict(row.coverage, row.intervals, 0.95)
                    print(f"| {row.test} | {errors} | {coverage} |", flush=True)
    five = stats.binom.ppf([0.025, 0.975], n, 0.05) / n
    many = stats.binom.ppf([0.025, 0.975], n, 0.95) / n
    print(f"\n{n} experiments each; binomial: {five[0]:.1%} to {five[1]:.1%}, and {many[0]:.1%} to {many[1]:.1%}; "
          f"{time.perf_counter() - begun:.0f} s")  # fmt: skip


if __name__ == "__main__":
    main()
