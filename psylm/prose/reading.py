"""Sentences of a results section about reading times and ERPs, from the tables of `psylm.stats.reading.tables`."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from psylm.prose.apa import ALPHA, count, interval, listing, number, p_value, sentence, statistic
from psylm.prose.paragraphs import Say, records
from psylm.stats.collect import groups
from psylm.stats.reading.tables import ALL

NATS = 1000
"""Gains are reported and drawn in thousandths of a nat."""

LINKS = {"log": "a logarithmic effect", "power": "an effect of its 0.75th power", "smooth": "a smooth effect"}

BACK = ("of the word itself", "of the word before", "of the word before that")


def named(response: str) -> str:
    """Return a response as a sentence names it.

    Examples
    --------
    >>> named("self_paced_reading"), named("N400")
    ('self paced reading', 'N400')
    """
    return response.replace("_", " ")


def _nats(value: float, low: float, high: float) -> str:
    return f"{number(value * NATS)} × 10⁻³ nats per word, {interval(low * NATS, high * NATS)}"


def short(name: str) -> str:
    """Return a model's name without the folders that its file lies in.

    Examples
    --------
    >>> short("ngram:/home/me/texts/wiki.txt@3"), short("embedded:smollm2-135m"), short("hub:org/model")
    ('ngram:wiki.txt@3', 'embedded:smollm2-135m', 'hub:org/model')
    """
    kind, _, rest = name.partition(":")
    return f"{kind}:{rest.rpartition('/')[2]}" if kind in ("ngram", "file", "scratch") else name


def baseline(covariates: str) -> str:
    """Return what a baseline has, in words.

    Examples
    --------
    >>> baseline("length, log_frequency, position, length_1, log_frequency_1, length_2, log_frequency_2")
    'length, log frequency, and position of the word, and length and log frequency of the two words before it'
    >>> baseline("length, position")
    'length and position of the word'
    """
    names = covariates.split(", ")
    earlier = [name for name in names if name[-1].isdigit()]
    own = listing(named(name) for name in names if name not in earlier)
    if not earlier:
        return f"{own} of the word"
    back = max(int(name.rpartition("_")[2]) for name in earlier)
    before = listing(dict.fromkeys(named(name.rpartition("_")[0]) for name in earlier))
    words = "word" if back == 1 else f"{count(back, 'word')}"
    return f"{own} of the word, and {before} of the {words} before it"


def gains(rows: pd.DataFrame) -> Iterator[str]:
    """Say what one predictor adds to the prediction of held-out responses.

    Parameters
    ----------
    rows
        Rows of `gain_rows` of one predictor on one kind of words, a row a response.

    Yields
    ------
    str
        An opening sentence and one for each response; or that nothing could be computed.

    Examples
    --------
    >>> table = pd.DataFrame([{"response": "rt", "delta_log_likelihood": 0.02, "low": 0.01, "high": 0.03, "p": 1e-4,
    ...                        "n": 900, "groups": 90, "held_out": "sentences", "covariates": "length", "note": ""}])
    >>> list(gains(table))[1]
    'Surprisal improved the prediction of rt, Δ log-likelihood = 20.00 × 10⁻³ nats per word, 95% CI [10.00, 30.00], ...'
    """
    known = rows[rows["delta_log_likelihood"].notna()]
    if known.empty:
        for note in dict.fromkeys(rows["note"].dropna()):
            yield f"No predictive power was computed: {note}."
        return
    first = records(known)[0]
    yield (
        f"Surprisal was added to a regression on {baseline(first['covariates'])}, and both were compared by the "
        f"log-likelihood of {count(int(first['n']), 'word')} that were held out in ten folds of {first['held_out']} "
        f"(n = {first['groups']:.0f}; sign-flip permutation tests, BCa intervals)."
    )
    for row in records(known):
        better = row["p"] < ALPHA and row["delta_log_likelihood"] > 0
        verb = "improved" if better else "did not improve"
        found = _nats(row["delta_log_likelihood"], row["low"], row["high"])
        said = f"surprisal {verb} the prediction of {named(row['response'])}"
        yield sentence(f"{said}, Δ log-likelihood = {found}, {p_value(row['p'])}")


def pairs(rows: pd.DataFrame, model: str) -> Iterator[str]:
    """Say how a model's gain compares with those of other predictors on the same words.

    Parameters
    ----------
    rows
        Rows of `pair_rows` of one response.
    model
        The model to speak of.
    """
    mine = rows[(rows["first"] == model) | (rows["second"] == model)]
    told = []
    for row in records(mine):
        turned = row["second"] == model
        other, sign = (row["first"], -1) if turned else (row["second"], 1)
        low, high = sorted((sign * row["low"], sign * row["high"]))
        told.append((short(other), sign * row["difference"], low, high, row["p_holm"]))
    sure = [one for one in told if one[4] < ALPHA]
    rest = [one for one in told if one[4] >= ALPHA]
    if not told:
        return
    where = f"in {named(str(mine['response'].iloc[0]))} ({count(int(mine['n'].iloc[0]), 'word')}; Holm-corrected)"
    for other, value, low, high, p in sure:
        more = "larger" if value > 0 else "smaller"
        yield f"Its gain was {more} than that of {other} {where}, difference = {_nats(value, low, high)}, {p_value(p)}."
    if rest:
        values = sorted(value for _, value, *_ in rest)
        spread = " to ".join(dict.fromkeys(number(value * NATS) for value in (values[0], values[-1])))
        yield (
            f"Its gain {where} did not differ significantly from {'those' if len(rest) > 1 else 'that'} of "
            f"{listing(other for other, *_ in rest)} (differences of {spread} × 10⁻³ nats per word, smallest "
            f"{p_value(min(p for *_, p in rest))})."
        )


def links(rows: pd.DataFrame) -> Iterator[str]:
    """Say whether other shapes of the effect predict better than a line.

    Parameters
    ----------
    rows
        Rows of `link_rows` of one response and predictor.
    """
    told: list[str] = []
    for row in records(rows[rows["link"] != "linear"]):
        sure = row["minus_linear_p"] < ALPHA
        verb = ("better" if row["minus_linear"] > 0 else "worse") if sure else "not significantly differently"
        unit = "" if told else " × 10⁻³ nats per word"
        found = f"{number(row['minus_linear'] * NATS)}{unit}, {p_value(row['minus_linear_p'])}"
        told.append(f"{LINKS[row['link']]}{'' if told else ' predicted held-out words'} {verb} ({found})")
    if told:
        response = named(str(rows["response"].iloc[0]))
        yield f"Compared with a linear effect of surprisal on {response}, {listing(told)}."


def lagged_effects(rows: pd.DataFrame, unit: str) -> Iterator[str]:
    """Say what one bit of surprisal does, at the word and at the words after it.

    Parameters
    ----------
    rows
        Rows of `effect_rows` of one predictor on one kind of words.
    unit
        Of the responses.
    """
    known = rows[rows["estimate"].notna()]
    if known.empty:
        return
    several = known["words_back"].max() > 0
    yield (
        f"Linear mixed models with random intercepts ({known['random'].iloc[0]}) estimated the change of the response "
        "for one bit (Satterthwaite df; p values Holm-corrected)."
    )
    for response, mine in known.groupby("response", sort=False):
        parts = [
            f"{number(row['estimate'], 3)} {unit} for the surprisal {BACK[int(row['words_back'])]} "
            f"({interval(row['low'], row['high'], 3)}, {statistic('t', row['statistic'], row['df'])}, "
            f"{p_value(row['p_holm'])})"
            if several
            else f"{number(row['estimate'], 3)} {unit}, {interval(row['low'], row['high'], 3)}, "
            f"{statistic('t', row['statistic'], row['df'])}, {p_value(row['p_holm'])}"
            for row in records(mine)
        ]
        yield sentence(f"{named(str(response))} changed by {listing(parts, ';') if several else parts[0]}")
    for note, noted in known[known["note"].fillna("") != ""].groupby("note", sort=False):
        responses = list(dict.fromkeys(noted["response"]))
        which = "all responses" if len(responses) == known["response"].nunique() else listing(map(named, responses))
        yield f"Note on the fit of {which}: {note}."


def effects(rows: pd.DataFrame, predictor: str) -> Iterator[str]:
    """Say what surprisal does to amplitudes and reading times.

    Parameters
    ----------
    rows
        Rows of `psylm.stats.reading.effects.target_effects`, with `p_holm`.
    predictor
        Whose surprisal, as the table names it.
    """
    rows = rows[(rows["predictor"] == predictor) & (rows["words"] == "all words") & rows["estimate"].notna()]
    if rows.empty:
        return
    covariates = listing(str(rows["covariates"].iloc[0]).replace("_", " ").split(", "))
    yield (
        f"Linear mixed models with a random intercept by sentence tested the effect of surprisal beyond {covariates} "
        "(Satterthwaite df; p values Holm-corrected)."
    )
    for row in records(rows):
        unit = row["meaning"].rpartition("(")[2].rstrip(")").replace("microvolts", "µV")
        found = f"b = {number(row['estimate'], 3)} {unit} per bit, {interval(row['low'], row['high'], 3)}"
        test = f"{statistic('t', row['statistic'], row['df'])}, {p_value(row['p_holm'])}"
        gain = f"Δ log-likelihood = {number(row['delta_log_likelihood'] * 1000)} × 10⁻³ nats a word"
        name = row["response"].replace("_", " ")
        more, less = ("more positive", "more negative") if unit == "µV" else ("longer", "shorter")
        effect = f"was {more if row['estimate'] > 0 else less} with higher surprisal"
        said = f"{name} {effect}" if row["p_holm"] < ALPHA else f"surprisal had no significant effect on {name}"
        yield sentence(f"{said}, {found}, {test}, {gain}")


def models_of(gains: pd.DataFrame) -> list[tuple[str, str]]:
    """List the stimulus sets and models that a table of gains has results of, in its order."""
    ours = every_word(gains[gains["kind"] == "model"])
    return [(stimuli, model) for (stimuli, model), _ in groups(ours, ["stimuli", "predictor"])]


def every_word(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows about all words that every model of the run has a value for."""
    return rows[rows["words"] == ALL]


def by_response(say: Say, rows: pd.DataFrame) -> Iterator[str]:
    """Say rows response by response."""
    for _, response in rows.groupby("response", sort=False):
        yield from say(response)
