"""Reading times and ERPs: effects that were put into made-up data are found, and agree with independent fits."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from wordfreq import zipf_frequency

from psylm.common.errors import InputError
from psylm.common.study import Study
from psylm.reporting.analyses import tables_of, write_figures, write_tables
from psylm.reporting.page import write_report
from psylm.runs.run import COLUMNS, Run, RunWriter
from psylm.stats.mixed_models.regression import lagged_effects
from psylm.stats.reading.folds import blocks, folds_by
from psylm.stats.reading.observations import observations
from psylm.stats.reading.shape import smooth_effect

pytestmark = pytest.mark.slow


LOAD = Study(None).analysis_module
BOTH = ("reading_times", "reading_erps")
WORDS = ("the", "old", "gardener", "saw", "a", "quiet", "river", "before", "dawn", "and", "mountains", "slept", "on")
GOOD, NOISE, FREQUENCY = "file:good", "file:noise", "wordfreq:en"
OWN, BEFORE = 2.0, 1.0
"""Milliseconds that a bit of surprisal costs, at the word and at the next."""

CARD = {
    "title": "Made", "version": "1", "language": "en", "licence": "CC0", "citation": "nobody", "description": "",
    "columns": {}, "factors": {}, "between": [], "published": [], "references": {},
}  # fmt: skip


def text(random: np.random.Generator, length: int) -> list[str]:
    words = list(random.choice(WORDS, length))
    return [*words[:-1], words[-1] + "."]


def scores(name: str, item: str, words: list[str], values: np.ndarray, target: int = -1) -> list[dict]:
    return [
        {"model": name, "item": item, "condition": "", "region": "target" if number == target else "sentence",
         "word_id": number, "word": word, "measure": "surprisal", "value": value, "note": ""}
        for number, (word, value) in enumerate(zip(words, values, strict=True))
    ]  # fmt: skip


def write(folder: Path, card: dict, items: list, human: list, rows: list, analysis: list[str]) -> Run:
    results = pd.DataFrame(rows).assign(experiment="made", stimuli=card["name"], trial=range(len(rows)))
    models = list(dict.fromkeys(results["model"]))
    about = {"family": "causal", "parameters": 1, "licence": "MIT", "dtype": "float32", "device": "cpu", "sha256": "0"}
    writer = RunWriter(folder)
    writer.stimuli(card["name"], pd.DataFrame(items), pd.DataFrame(human))
    experiment = {"name": "made", "title": "Made", "description": "d", "stimuli": [card["name"]], "analysis": analysis}
    writer.manifest(
        {"psylm": "0", "limit": None, "seed": 1, "started": "now", "finished": "then", "status": "complete",
         "experiment": experiment | {"models": models, "measures": [{"surprisal": {"words": "all"}}]},
         "models": dict.fromkeys(models, about),
         "stimuli": {card["name"]: {"sha256": "0", "items": len(items), "card": CARD | card}}}
    )  # fmt: skip
    writer.part("all", results[[*COLUMNS, "trial"]])
    writer.finish([["all"]])
    return Run(folder)


def write_sentences(folder: Path, sentences: int = 70, length: int = 8, analysis=BOTH) -> Run:
    """Write a run on sentences whose every word is an item: times and amplitudes follow the good model's surprisal."""
    random = np.random.default_rng(4)
    items, human, rows = [], [], []
    for sentence in range(sentences):
        words = text(random, length)
        bits, noise = random.gamma(3, 2, length), random.gamma(3, 2, length)
        frequency = np.array([25 - 3 * zipf_frequency(word, "en") for word in words])
        for number, word in enumerate(words):
            item = f"{sentence}-{number}"
            start = sum(len(one) + 1 for one in words[:number])
            items.append(
                {"item": item, "condition": "", "context": "", "sentence": " ".join(words), "target": word,
                 "start": start, "regions": "", "sentence_id": sentence,
                 "other_surprisal": bits[number] + random.normal(0, 2), "other_multitoken": int(word == "gardener")}
            )  # fmt: skip
            before = bits[number - 1] if number else 0.0
            time = 300 + 4 * len(word) + OWN * bits[number] + BEFORE * before + random.normal(0, 8)
            values = {"rt": time, "N400": -0.1 * bits[number] + random.normal(0, 0.5), "cloze": 2 ** -bits[number]}
            human += [{"item": item, "condition": "", "measure": k, "value": v} for k, v in values.items()]
            rows += scores(GOOD, item, words, bits, number) + scores(NOISE, item, words, noise, number)
            rows += scores(FREQUENCY, item, words, frequency, number)
    card = {
        "name": "made", "references": {"other_surprisal": "Other"},
        "human": {"rt": "time (ms)", "N400": "amplitude (microvolts)", "cloze": "share (probability)"},
    }  # fmt: skip
    return write(folder, card, items, human, rows, list(analysis))


def write_texts(folder: Path, subjects: int = 0) -> Run:
    """Write a run on three texts of many sentences, with a reading time for each word (of each subject)."""
    random = np.random.default_rng(9)
    items, human, rows = [], [], []
    slopes = OWN + np.linspace(-0.5, 0.5, subjects) if subjects else [OWN]
    for number in range(3):
        words = [word for _ in range(60) for word in text(random, 10)]
        bits = random.gamma(3, 2, len(words))
        item = f"text{number}"
        items.append(
            {"item": item, "condition": "", "context": "", "sentence": " ".join(words), "target": "", "start": -1,
             "regions": ""}
        )  # fmt: skip
        rows += scores(GOOD, item, words, bits)
        for word_id in range(len(words)):
            for subject in range(max(subjects, 1)):
                time = 300 + 20 * (subject % 3) + slopes[subject] * bits[word_id] + random.normal(0, 10)
                row = {"item": item, "condition": "", "measure": "spr", "value": time, "word_id": str(word_id)}
                human.append(row | ({"subject": f"s{subject}"} if subjects else {}))
    return write(folder, {"name": "texts", "human": {"spr": "time (ms)"}}, items, human, rows, ["reading_times"])


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    run = write_sentences(tmp_path_factory.mktemp("runs") / "made")
    write_tables(run, LOAD)
    write_figures(run, LOAD)
    return run


@pytest.fixture(scope="module")
def tables(done):
    return tables_of(done, "reading_times")


@pytest.fixture(scope="module")
def by_hand(done):
    """The words of the run with everything about them, put together without psylm's own functions."""
    items, human = done.items("made"), done.human("made")
    known = done.results.set_index(["model", "item", "word_id"])["value"]
    wide = human.pivot(index="item", columns="measure", values="value")
    rows = []
    for cell in items.to_dict("records"):
        words, number = cell["sentence"].split(), int(cell["item"].split("-")[1])
        row = {"sentence": str(cell["sentence_id"]), "position": number, "other": cell["other_surprisal"]}
        row |= {"split": cell["other_multitoken"]} | wide.loc[cell["item"]].to_dict()
        for back in range(min(number, 2) + 1):
            word = words[number - back]
            row |= {
                f"length_{back}": len(word), f"frequency_{back}": zipf_frequency(word, "en"),
                f"end_{back}": float(word.endswith(".")), f"good_{back}": known[GOOD, cell["item"], number - back],
            }  # fmt: skip
        rows.append(row)
    return pd.DataFrame(rows)


BASELINE = ["length_0", "frequency_0", "end_0", "position", "length_1", "frequency_1", "length_2", "frequency_2"]
LAGS = ["good_0", "good_1", "good_2"]


def test_the_gain_is_that_of_regressions_fitted_fold_by_fold(tables, by_hand):
    data = by_hand.dropna(subset=LAGS).reset_index(drop=True)
    fold = folds_by(data["sentence"], 10, 1)
    gains = []
    for number in range(10):
        train, test = data[fold != number], data[fold == number]
        parts = []
        for columns in (BASELINE, BASELINE + LAGS):
            fit = sm.OLS(train["rt"], sm.add_constant(train[columns])).fit()
            expected = fit.predict(sm.add_constant(test[columns]))
            parts.append(stats.norm.logpdf(test["rt"], expected, np.sqrt(fit.scale)))
        gains.append(parts[1] - parts[0])
    row = tables["gains"].query("words == 'all words' and predictor == @GOOD").iloc[0]
    assert row["delta_log_likelihood"] == pytest.approx(np.concatenate(gains).mean(), rel=1e-6)
    assert row["n"] == 70 * 6 and row["groups"] == 70 and row["held_out"] == "sentences" and row["p"] < 0.001
    assert row["perplexity"] == pytest.approx(2 ** data["good_0"].mean())


def test_what_predicts_nothing_gains_nothing(tables):
    gains = tables["gains"].query("words == 'all words'").set_index("predictor")
    assert gains.loc[NOISE, "low"] < 0 and gains.loc[NOISE, "p"] > 0.01
    assert gains.loc[FREQUENCY, "note"] == "the baseline determines it"
    assert np.isnan(gains.loc[FREQUENCY, "delta_log_likelihood"])


def test_spillover_is_found_as_it_was_put_in(tables):
    mine = tables["effects"].query("words == 'all words' and predictor == @GOOD").set_index("words_back")
    for back, true in ((0, OWN), (1, BEFORE), (2, 0.0)):
        assert mine.loc[back, "low"] < true < mine.loc[back, "high"]
    assert mine.loc[[0, 1], "p_holm"].lt(0.001).all() and mine.loc[2, "p"] > 0.05
    assert mine["chi_df"].eq(3).all() and mine["random"].eq("70 sentences").all()


def test_effects_are_those_of_ordinary_regression_where_groups_do_not_differ(by_hand):
    data = by_hand.dropna(subset=LAGS)
    residuals = sm.OLS(data["rt"], sm.add_constant(data[BASELINE + LAGS])).fit().resid
    # Each group has as many large residuals as small ones, so that its variance is zero.
    data = data.assign(balanced=residuals.rank().astype(int) % 30)
    found = lagged_effects(data, "rt", LAGS, BASELINE, ["balanced"])
    assert found["note"].str.startswith("singular").all()
    fit = sm.OLS(data["rt"], sm.add_constant(data[BASELINE + LAGS])).fit()
    assert found["estimate"].to_numpy() == pytest.approx(fit.params[LAGS].to_numpy(), rel=1e-4)
    sizes = fit.params[LAGS] * data[LAGS].std() / data["rt"].std()
    assert found["standardised"].to_numpy() == pytest.approx(sizes.to_numpy(), rel=1e-4)


def test_predictors_are_compared_on_the_same_words(tables, by_hand):
    split = by_hand.set_index(["sentence", "position"])["split"]
    shared = [key for key in split.index if key[1] >= 2 and not any(split[key[0], key[1] - back] for back in range(3))]
    gains = tables["gains"].query("words == 'shared words'")
    assert set(gains["predictor"]) == {GOOD, NOISE, FREQUENCY, "Other", "human cloze surprisal"}
    assert gains["n"].eq(len(shared)).all()
    by_name = gains.set_index("predictor")["delta_log_likelihood"]
    assert by_name["human cloze surprisal"] == pytest.approx(by_name[GOOD])  # cloze is 2 to the minus its surprisal
    pairs = tables["pairs"].set_index(["first", "second"])
    assert pairs.loc[(GOOD, NOISE), "difference"] == pytest.approx(by_name[GOOD] - by_name[NOISE])
    assert pairs.loc[(GOOD, NOISE), "p_holm"] < 0.01 and (pairs["p_holm"] >= pairs["p"]).all()
    assert pairs.loc[(GOOD, "Other"), "difference"] > 0


def test_a_linear_effect_is_linear(tables):
    links = tables["links"].query("predictor == @GOOD").set_index("link")
    assert links.loc["log", "minus_linear"] < 0 and links.loc["log", "minus_linear_p"] < 0.05
    assert abs(links.loc["smooth", "minus_linear"]) < 0.02
    curve = tables["shape"].query("predictor == @GOOD")
    inside = (curve["low"] <= curve["linear"]) & (curve["linear"] <= curve["high"])
    assert inside.mean() > 0.9
    slope = np.polyfit(curve["value"], curve["linear"], 1)[0]
    assert slope == pytest.approx(OWN, abs=0.3)


def test_the_curve_is_that_of_the_same_spline_in_statsmodels(by_hand):
    data = by_hand.dropna(subset=LAGS)
    curve = smooth_effect(data, "rt", BASELINE, LAGS, group="sentence")
    terms = " + ".join([*(f"cr({name}, df=4, constraints='center')" for name in LAGS), *BASELINE])
    fit = smf.ols(f"rt ~ {terms}", data).fit(cov_type="cluster", cov_kwds={"groups": data["sentence"].astype(int)})
    at = data.iloc[[0, 0]].assign(good_0=[curve["value"].iloc[5], curve["value"].iloc[50]])
    expected = fit.predict(at)
    assert curve["effect"].iloc[50] - curve["effect"].iloc[5] == pytest.approx(
        float(expected.iloc[1] - expected.iloc[0]), rel=1e-6
    )
    every = [fit.predict(data.assign(good_0=value)).mean() for value in curve["value"].iloc[[5, 50]]]
    assert curve["effect"].iloc[[5, 50]].to_numpy() == pytest.approx(
        np.array(every) - fit.fittedvalues.mean(), rel=1e-5
    )
    assert (curve["high"] - curve["low"]).gt(0).all() and curve["share"].sum() == pytest.approx(0.99, abs=0.02)


def test_few_texts_are_held_out_in_blocks_of_sentences(tmp_path):
    run = write_texts(tmp_path / "texts")
    found = observations(run.results, run.items("texts"), run.human("texts"), run.card("texts"), unit="ms", spillover=2)
    assert found.held_out == "blocks of whole sentences, 100 words or more"
    assert found.data.groupby("group").size().min() >= 100 and found.data["group"].nunique() == 18
    assert found.data.groupby("sentence")["group"].nunique().eq(1).all()
    assert found.data["sentence"].nunique() == 180
    first = found.data[found.data["word_id"] < 2]
    assert first[f"{GOOD}_2"].isna().all()  # nothing spills over from another text
    write_tables(run, LOAD)
    gains = tables_of(run, "reading_times")["gains"].iloc[0]
    assert gains["p"] < 0.001 and gains["n"] == 3 * 598


def test_single_subjects_have_slopes_of_their_own(tmp_path):
    run = write_texts(tmp_path / "texts", subjects=6)
    write_tables(run, LOAD)
    tables = tables_of(run, "reading_times")
    own = tables["effects"].set_index("words_back").loc[0]
    assert own["n"] == 6 * 3 * 598 and "6 subjects" in own["random"]
    assert own["estimate"] == pytest.approx(OWN, abs=0.1)
    half = stats.t.ppf(0.975, 5) * np.linspace(-0.5, 0.5, 6).std(ddof=1) / np.sqrt(6)  # subjects are what varies
    assert (own["high"] - own["low"]) / 2 == pytest.approx(half, rel=0.2) and own["df"] < 12
    assert tables["gains"]["n"].iloc[0] == 3 * 598


def test_an_n400_is_more_negative_where_surprisal_is_higher(done):
    tables = tables_of(done, "reading_erps")
    mine = tables["effects"].query("words == 'all words'").set_index("predictor")
    assert mine.loc[GOOD, "low"] < -0.1 < mine.loc[GOOD, "high"] < 0 < mine.loc[NOISE, "high"]
    assert mine.loc[GOOD, "n"] == 560 and set(mine["response"]) == {"N400"}
    assert "conditions" not in tables


def test_conditions_of_an_erp_set(tmp_path):
    random = np.random.default_rng(2)
    items, human, rows = [], [], []
    for item in range(40):
        for level, bits in (("expected", 3.0), ("odd", 9.0)):
            words = text(random, 6)
            start = len(" ".join(words[:4])) + 1
            items.append(
                {"item": str(item), "condition": level, "fit": level, "context": "", "sentence": " ".join(words),
                 "target": words[4], "start": start, "regions": ""}
            )  # fmt: skip
            value = bits + random.normal(0, 1)
            rows += [row | {"condition": level} for row in scores(GOOD, str(item), words, np.full(6, value), 4)]
            amplitude = -0.3 * value + random.normal(0, 0.5)
            human.append({"item": str(item), "condition": level, "measure": "N400", "value": amplitude})
    card = {"name": "made", "factors": {"fit": ["expected", "odd"]}, "human": {"N400": "amplitude (microvolts)"}}
    run = write(tmp_path / "made", card, items, human, rows, ["reading_erps"])
    write_tables(run, LOAD)
    write_figures(run, LOAD)
    contrasts = tables_of(run, "reading_erps")["contrasts"].set_index("measure")
    pivot = pd.DataFrame(human).pivot(index="item", columns="condition", values="value")
    test = stats.ttest_rel(pivot["expected"], pivot["odd"])
    assert contrasts.loc["N400", "statistic"] == pytest.approx(test.statistic)
    assert contrasts.loc[f"surprisal of {GOOD}", "estimate"] == pytest.approx(-6, abs=1)
    assert (run.path / "figures" / "reading_erps-conditions-made.png").is_file()


def test_every_figure_has_a_caption_with_n_and_interval(done):
    captions = json.loads((done.path / "figures" / "captions.json").read_text())
    names = {stem.split("-")[1] for stem in captions if stem.startswith("reading_times")}
    assert names == {"gains", "perplexity", "spillover", "profile", "shape"}
    names = {stem.split("-")[1] for stem in captions if stem.startswith("reading_erps")}
    assert names == {"components", "gains", "perplexity"}
    assert all("n = " in caption and "95%" in caption for caption in captions.values())


def test_the_paragraph_says_what_the_tables_say(done, tables):
    said = LOAD("reading_times").summary(done, tables)
    assert set(said) == {f"{name} on made" for name in (GOOD, NOISE, FREQUENCY)}
    good = " ".join(said[f"{GOOD} on made"])
    row = tables["gains"].query("words == 'all words' and predictor == @GOOD").iloc[0]
    assert "Surprisal improved the prediction of rt" in good
    assert f"Δ log-likelihood = {row['delta_log_likelihood'] * 1000:.2f} × 10⁻³ nats per word" in good
    assert "420 words that were held out in ten folds of sentences (n = 70;" in good
    assert (
        f"Its gain was larger than that of {NOISE}" in good
        and "a logarithmic effect predicted held-out words worse" in good
    )
    assert "did not improve" in " ".join(said[f"{NOISE} on made"])
    assert "the baseline determines it" in " ".join(said[f"{FREQUENCY} on made"])
    assert "µV" in " ".join(LOAD("reading_erps").summary(done, tables_of(done, "reading_erps"))[f"{GOOD} on made"])


@pytest.mark.parametrize("sentences", [1, 2, 6])
def test_a_dry_run_on_few_items_is_reported_without_failing(tmp_path, sentences):
    run = write_sentences(tmp_path / "made", sentences=sentences, length=4)
    write_tables(run, LOAD)
    write_figures(run, LOAD)
    assert write_report(run, LOAD).stat().st_size > 10_000
    assert "expected more rows and groups" in tables_of(run, "reading_times")["gains"]["note"].iloc[0]


def test_mistakes_are_told(tmp_path, done):
    human = done.human("made")
    card = done.card("made")
    without = card | {"human": {"cloze": "share (probability)"}}
    with pytest.raises(InputError, match=r"found no human measure in ms; expected one whose meaning .* ends in \(ms\)"):
        observations(done.results, done.items("made"), human, without, unit="ms", spillover=2)
    other = done.results.assign(word=lambda table: table["word"].str.rstrip("."))
    with pytest.raises(InputError, match="expected words as the text has them"):
        observations(other, done.items("made"), human, card, unit="ms", spillover=2)
    nowhere = done.items("made").assign(start=-1, target="")
    with pytest.raises(InputError, match="expected a target, or word_id in human data"):
        observations(done.results, nowhere, human, card, unit="ms", spillover=2)
    run = write_texts(tmp_path / "texts")
    with pytest.raises(InputError, match=r"stimuli: found texts; expected a set .* \(microvolts\)"):
        LOAD("reading_erps").tables(run)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=40), st.integers(1, 60))
def test_blocks_are_whole_sentences_of_enough_words(lengths: list[int], least: int) -> None:
    sentence = pd.Series(np.repeat(np.arange(len(lengths)), lengths))
    found = blocks(pd.Series("a", sentence.index), sentence, least)
    assert found.groupby(sentence).nunique().eq(1).all()
    sizes = found.value_counts()
    assert len(sizes) == 1 or sizes.min() >= least
    assert len(list(groupby(found))) == len(sizes)  # each is one stretch
