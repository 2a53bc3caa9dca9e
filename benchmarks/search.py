"""Does a score depend on anything but its own trial? A search over random models, texts, measures and options.

    python -m benchmarks.search                        # 20,000 comparisons, a few minutes on one core
    python -m benchmarks.search --comparisons 2000 --seed 7 --model bert-unigram

Each trial is scored alone, by a model that remembers nothing, and in company: with other trials, in another order,
after other measures, and through the store of kept scores. Every value must be the same within 1e-4 bits, and be
missing in both or in neither. What differs is made as small as it goes, and printed.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.tiny_participants import PARTICIPANTS, make
from psylm.common.errors import PsylmError
from psylm.common.language import word_spans
from psylm.experiment.plan import groups
from psylm.experiment.scorer import Scorer
from psylm.measures.registry import MEASURES, TRIAL_COLUMNS, Measure
from psylm.models import LanguageModel, load_model
from psylm.runs.score_cache import ScoreCache

TOLERANCE = 1e-4
"""Bits."""

NATS = ("lp", "mean_lp", "pen_lp", "norm_lp_sub", "slor", "continuation", "continuation_per_token", "log_probability",
        "continuation_per_character", "continuation_pmi", "pseudo_log_likelihood", "metalinguistic")  # fmt: skip
PROBABILITIES = ("cloze", "cloze_candidates")

FRAGMENTS = [
    "the", "cook", "tasted", "soup.", "children", "Songs;", "don't", "well-known", "keys,", "window!", "(rained)",
    "“no”", "3.5", "42", "a", "I", "U.S.", "e.g.", "Koch", "schläft", "Café", "cafe\u0301", "nai\u0308ve", "кошка",
    "спит", "חתול", "ישן", "القط", "نائم", "猫が", "眠っている。", "料理人は", "猫在窗边睡觉", "แมวนอนหลับ", "고양이가",
    "बिल्ली", "सोती", "🙂", "👍🏽", "👩\u200d👧", "🇯🇵", "…", "—", "''", "\u200b", "x\u0301\u0323", "ﬁne", "½", "ǅ",
    "<s>", "[MASK]", "##ing", "▁a",
]  # fmt: skip
PLAIN = FRAGMENTS[:14]
SPACES = (" ",) * 14 + ("  ", "\t", "\n", " \n", "\u00a0", "\u3000", "\u2009", "", "", "\r\n", "\u2028", " \u200b ")

OPTIONS: dict[str, tuple[dict[str, Any], ...]] = {
    "surprisal": (
        {}, {"words": "all"}, {"words": "all", "correction": False}, {"words": "all", "punctuation": "apart"},
        {"words": "all", "units": ["token", "word", "sentence"], "quantities": ["surprisal", "log_probability"]},
        {"words": "all", "quantities": ["surprisal", "entropy", "entropy_reduction", "renyi_entropy"]},
        {"words": "all", "window": 12, "overlap": 4}, {"words": "all", "window": 9, "overlap": 0},
    ),
    "cloze": ({"top_k": 0}, {"top_k": 2}, {"top_k": 0, "correction": False}, {"top_k": 0, "right_context": False}),
    "sentence_surprisal": ({}, {"window": 12, "overlap": 4}, {"window": 9, "overlap": 0}),
    "pseudo_log_likelihood": (
        {"units": ["token", "word", "sentence"]}, {"variant": "original", "units": ["token", "word", "sentence"]},
        {"variant": "whole_word", "units": ["word", "sentence"]},
    ),
    "acceptability": ({},),
    "continuation": ({}, {"domain": "Answer:"}),
    "metalinguistic": ({"task": "sentence"},),
}  # fmt: skip
"""Measures whose values stand in a table, each with some of its options."""

Key = tuple[Any, ...]
Values = dict[Key, tuple[float, str]]
Asked = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Case:
    """One way to score trials in company.

    Parameters
    ----------
    participant
        The model.
    asked
        The measure and its options.
    trials
        The trials, in the order in which they are given.
    before
        Measures that the same model computes first, of the same trials.
    kept
        The numbers of trials that the store of kept scores has already; None to do without the store.
    """

    participant: str
    asked: Asked
    trials: pd.DataFrame
    before: tuple[Asked, ...] = ()
    kept: tuple[int, ...] | None = None


@dataclass
class Found:
    """What a search found."""

    compared: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    largest: float = 0.0
    cases: dict[tuple[str, str, str], tuple[Case, str]] = field(default_factory=dict)


def random_text(rng: random.Random, most: int) -> str:
    """Draw a text out of fragments of many scripts, with all kinds of spaces between them."""
    scripts = rng.choice([FRAGMENTS, PLAIN, PLAIN])
    text = ""
    for _ in range(rng.randint(1, most)):
        text += (rng.choice(SPACES) if text else "") + rng.choice(scripts)
    return text


def random_trials(rng: random.Random, count: int) -> pd.DataFrame:
    """Draw trials, many of which share a context, a beginning, or all but the target."""
    rows: list[list[Any]] = []
    while len(rows) < count:
        language = rng.choice(["en", "en", "en", "ja"])
        context = rng.choice(["", "", random_text(rng, 6) + rng.choice(["", "", " ", "\n"])])
        sentence = rng.choice(["", "", " "]) * (rng.random() < 0.1) + random_text(rng, 9)
        if rows and rng.random() < 0.6:
            *_, context, other, _, start, _, language = rng.choice(rows)
            sentence = other[:start] + rng.choice(["", " "]) * (start == 0) + random_text(rng, 5)
        spans = word_spans(sentence, language)
        if not spans:
            continue
        start, end = rng.choice(spans)
        number = len(rows)
        item = str(rng.randint(0, 2))
        rows.append([number, item, rng.choice("ab"), context, sentence, sentence[start:end], start, "", language])
    return pd.DataFrame(rows, columns=TRIAL_COLUMNS)


def values_of(table: pd.DataFrame) -> Values:
    """Name every value of a measure's table; completions by their words, whose order may hang on rounding."""
    found: Values = {}
    for row in table.itertuples(index=False):
        completion = row.region == "completion"
        key: Key = (row.trial, row.region, None if completion else row.word_id, row.word, row.measure)
        while key in found:
            key = (*key, "again")
        found[key] = (float(row.value), str(row.note))
    return found


def bits(measure: str, value: float) -> float:
    """Return a value in bits, where it has such a unit."""
    if measure in NATS:
        return value / math.log(2)
    return -math.log2(value) if measure in PROBABILITIES and value > 0 else value


def differences(alone: Values, company: Values) -> list[tuple[str, Key, float]]:
    """Compare value by value; return kind, place and size of each difference."""
    found = []
    for key in alone.keys() | company.keys():
        if key not in alone or key not in company:
            if key[1] != "completion":  # of two that are as good as equal, either may be the last one listed
                found.append(("a row more or less", key, math.inf))
            continue
        (one, note), (other, another) = alone[key], company[key]
        if math.isnan(one) != math.isnan(other):
            found.append(("NaN against a number", key, math.inf))
        elif not math.isnan(one) and one != other:
            difference = abs(bits(key[4], one) - bits(key[4], other))
            if difference > TOLERANCE * max(1.0, abs(bits(key[4], one)) / 100):  # float32 has seven digits
                found.append(("another value", key, difference))
        elif note != another:
            found.append(("another note", key, 0.0))
    return found


def score(model: LanguageModel, asked: Asked, trials: pd.DataFrame) -> pd.DataFrame:
    """Score trials by a measure."""
    measure, options = _measure(asked)
    table: pd.DataFrame = measure.function(model, trials, options)
    return table


def _measure(asked: Asked) -> tuple[Measure, Any]:
    measure = MEASURES[asked[0]]
    return measure, measure.options.model_validate(asked[1])


def alone(model: LanguageModel, asked: Asked, trials: pd.DataFrame) -> tuple[Values, list[int], str]:
    """Score each trial (with those that it belongs to by its measure) by a model that remembers nothing.

    Returns
    -------
    values, trials, refusal
        The values, the trials that have them, and why the others have none.
    """
    values: Values = {}
    able: list[int] = []
    refusal = ""
    for _, mine in trials.groupby(groups(trials, _measure(asked)[0].together), sort=False):
        model.remembered.clear()
        try:
            values |= values_of(score(model, asked, mine))
            able += mine["trial"].tolist()
        except PsylmError as error:
            refusal = str(error)
    return values, able, refusal


def in_company(model: LanguageModel, name: str, case: Case) -> Values:
    """Score the trials of a case as it says."""
    model.remembered.clear()
    for other in case.before:
        try:
            score(model, other, case.trials)
        except PsylmError:  # what another measure refuses is compared where that measure is asked for
            continue
    if case.kept is None:
        return values_of(score(model, case.asked, case.trials))
    with tempfile.TemporaryDirectory() as folder:
        scorer = Scorer(name, device="cpu", dtype="float32", cache=ScoreCache(Path(folder) / "scores.sqlite"))
        scorer.__dict__["model"] = model  # loaded already
        measure, options = _measure(case.asked)
        some = case.trials[case.trials["trial"].isin(case.kept)]
        if len(some):
            scorer.score(measure, options, some)
        return values_of(scorer.score(measure, options, case.trials))


def smallest(case: Case, differs: Callable[[Case], bool]) -> Case:
    """Leave out of a case what it does not need, one after the other, while it still differs."""
    for other in case.before:
        fewer = replace(case, before=tuple(one for one in case.before if one != other))
        case = fewer if differs(fewer) else case
    for trial in case.trials["trial"]:
        fewer = replace(case, trials=case.trials[case.trials["trial"] != trial])
        case = fewer if len(fewer.trials) and differs(fewer) else case
    return case


def asked_of(model: LanguageModel) -> list[Asked]:
    """List what can be asked of a model."""
    return [
        (name, one) for name, options in OPTIONS.items() if model.family in MEASURES[name].families for one in options
    ]


def compare(model: LanguageModel, name: str, case: Case, found: Found) -> None:
    """Compare one case with each of its trials alone, and note what differs."""

    def differing(one: Case) -> list[tuple[str, Key, float]]:
        expected, able, refusal = alone(model, one.asked, one.trials)
        if refusal:
            found.refused[refusal.split(": found")[0][:60]] += 1
        tried = replace(one, trials=one.trials[one.trials["trial"].isin(able)])
        if not len(tried.trials):
            return []
        try:
            values = in_company(model, name, tried)
        except PsylmError as error:
            return [(f"refused in company only: {error}", (), math.inf)]
        found.compared += len(values)
        return differences(expected, values)

    before = found.compared
    try:
        differing_now = differing(case)
    except Exception as error:  # noqa: BLE001  (a traceback is what is looked for; it is counted and shown)
        differing_now = [(f"{type(error).__name__}: {str(error)[:80]}", (), math.inf)]
    after = found.compared
    for kind, key, size in differing_now:
        found.kinds[kind] += 1
        found.largest = max(found.largest, size if math.isfinite(size) else 0.0)
        place = (case.participant, case.asked[0], kind)
        if place not in found.cases and key:
            small = smallest(case, lambda one, kind=kind: any(other == kind for other, _, _ in differing(one)))
            example = next(
                (f"{key[1:5]}: {size:.4g} bits" for other, key, size in differing(small) if other == kind), str(key)
            )
            found.cases[place] = (small, example)
        elif place not in found.cases:
            found.cases[place] = (case, kind)
    found.compared = max(after, before)  # what making it small compared again does not count


def search(comparisons: int, seed: int, participants: Sequence[str], *, trials: int = 6) -> Found:
    """Search until so many values have been compared."""
    rng, found = random.Random(seed), Found()
    with tempfile.TemporaryDirectory() as folder:
        loaded: dict[str, tuple[str, LanguageModel]] = {}
        for participant in participants:
            name = make(participant, Path(folder) / participant, seed)
            try:
                loaded[participant] = name, load_model(name, device="cpu")
            except PsylmError as error:
                found.refused[str(error)] += 1
        while loaded and found.compared < comparisons:
            for participant, (name, model) in loaded.items():
                possible = asked_of(model)
                asked, drawn = rng.choice(possible), random_trials(rng, rng.randint(2, trials))
                others = tuple(rng.sample(possible, min(2, len(possible))))
                case = Case(participant, asked, drawn)
                shuffled = drawn.sample(frac=1, random_state=rng.randrange(2**32))
                some = tuple(rng.sample(range(len(drawn)), len(drawn) // 2))
                for one in (
                    replace(case, trials=shuffled), replace(case, before=(*others, asked)), replace(case, kept=some),
                ):  # fmt: skip
                    compare(model, name, one, found)
    return found


def show(found: Found, seconds: float) -> None:
    """Print counts and the smallest examples."""
    wrong = sum(number for kind, number in found.kinds.items() if kind == "another value")
    missing = sum(number for kind, number in found.kinds.items() if kind == "NaN against a number")
    print(f"{found.compared} comparisons in {seconds:.0f} s: {wrong} differ by more than {TOLERANCE} bits", end="")
    print(f" (by {found.largest:.4g} at most), {missing} are NaN against a number")
    for kind, number in found.kinds.most_common():
        print(f"  {number:6}  {kind}")
    for reason, number in found.refused.most_common(12):
        print(f"  {number:6}  refused: {reason}")
    for (participant, _, kind), (case, example) in found.cases.items():
        how = (
            "from kept scores"
            if case.kept is not None
            else "after " + ", ".join(name for name, _ in case.before)
            if case.before
            else "in another order"
        )
        print(f"\n{participant}, {case.asked[0]} {case.asked[1]}, {how}: {kind}\n  {example}")
        for row in case.trials.itertuples(index=False):
            print(f"  {row.context!r} + {row.sentence!r} [{row.target!r}] ({row.language})")


def main() -> int:
    """Read the command line and search; the status is 1 where something differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--comparisons", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", choices=list(PARTICIPANTS), action="append", help="all by default")
    given = parser.parse_args()
    began = time.perf_counter()
    found = search(given.comparisons, given.seed, given.model or list(PARTICIPANTS))
    show(found, time.perf_counter() - began)
    return int(bool(found.kinds))


if __name__ == "__main__":
    sys.exit(main())
