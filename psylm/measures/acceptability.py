"""Acceptability: the log-probability of a sentence, with its length and the frequency of its words taken out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd
from pydantic import BaseModel, Field

from psylm.common.errors import InputError, Problem
from psylm.measures.pseudo_likelihood import score_tokens
from psylm.measures.registry import measure
from psylm.measures.sentence import score_sentences, sentence_table

if TYPE_CHECKING:
    from psylm.models.base import LanguageModel


class AcceptabilityOptions(BaseModel, extra="forbid"):
    """What can be chosen of `acceptability`."""

    alpha: float = Field(default=0.8, ge=0, le=2, description="exponent of PenLP's penalty for length")


def unknown_languages(trials: pd.DataFrame, options: AcceptabilityOptions) -> list[Problem]:
    """Find the languages whose word frequencies are not known."""
    found = (_language_problem(language) for language in trials["language"].unique())
    return [problem for problem in found if problem]


def _language_problem(language: str) -> Problem | None:
    import wordfreq

    known = wordfreq.available_languages()
    if language.split("-")[0].lower() in known:
        return None
    return Problem("language", repr(language), "one that wordfreq knows: " + ", ".join(known))


@measure(
    "acceptability",
    needs={"sentences", "pseudo_likelihood"},
    options=AcceptabilityOptions,
    check=unknown_languages,
    gives=lambda options: ("lp", "mean_lp", "pen_lp", "norm_lp_div", "norm_lp_sub", "slor"),
    meaning="log-probability of a sentence, with length and word frequency taken out (nats): lp, mean_lp, pen_lp, "
    "norm_lp_div, norm_lp_sub, slor",
)
def acceptability(model: LanguageModel, trials: pd.DataFrame, options: AcceptabilityOptions) -> pd.DataFrame:
    r"""Score sentences by the acceptability measures of Lau, Clark & Lappin.

    With lp the natural log-probability of the sentence (of a masked model, its pseudo-log-likelihood), lu the sum of
    the log-frequencies of its words in `wordfreq`, and n the number of its words,

    .. math::
        MeanLP = \frac{lp}{n}, \quad PenLP = \frac{lp}{((5 + n) / (5 + 1))^{\alpha}}, \quad
        NormLP_{div} = -\frac{lp}{lu}, \quad NormLP_{sub} = lp - lu, \quad SLOR = \frac{lp - lu}{n}

    Parameters
    ----------
    model
        A model.
    trials
        Trials; the context is conditioned on, not scored.
    options
        The exponent of PenLP.

    Returns
    -------
    DataFrame
        Rows `lp`, `mean_lp`, `pen_lp`, `norm_lp_div`, `norm_lp_sub` and `slor` for each sentence, in nats (the
        ratio `norm_lp_div` has no unit); more is better.

    References
    ----------
    Lau, Clark & Lappin (2017), Grammaticality, acceptability, and probability, Cognitive Science 41, 1202-1241;
    Lau, Armendariz, Lappin, Purver & Shu (2020), How furiously can colorless green ideas sleep?, TACL 8, 296-310.
    """
    if model.left_to_right or model.hiding == "later":
        scores = score_sentences(model, trials)
        log_probabilities, notes = [score.uncorrected for score in scores], [score.note for score in scores]
    else:
        sentences = score_tokens(model, trials, model.hiding)
        log_probabilities = [scored.total for scored in sentences]
        notes = [scored.note for scored in sentences]
    unigrams = [unigram(text, language) for text, language in zip(trials["sentence"], trials["language"], strict=True)]
    values: dict[str, list[float]] = {}
    for lp, (lu, n) in zip(log_probabilities, unigrams, strict=True):
        penalty = ((5 + n) / (5 + 1)) ** options.alpha
        mine = {
            "lp": lp, "mean_lp": lp / n, "pen_lp": lp / penalty, "norm_lp_div": -lp / lu, "norm_lp_sub": lp - lu,
            "slor": (lp - lu) / n,
        }  # fmt: skip
        for name, value in mine.items():
            values.setdefault(name, []).append(value)
    return pd.concat([sentence_table(trials, name, column, notes) for name, column in values.items()])


def unigram(sentence: str, language: str) -> tuple[float, int]:
    """Return the sum of the natural log-frequencies of a sentence's words, and how many words it has.

    Examples
    --------
    >>> total, words = unigram("The cat sleeps.", "en")
    >>> round(total, 1), words
    (-24.8, 3)
    """
    import wordfreq
    from wordfreq.tokens import tokenize

    from psylm.models.ngram import LEAST_FREQUENCY

    tag, problem = language.split("-")[0].lower(), _language_problem(language)
    if problem:
        raise InputError(problem)
    words = tokenize(sentence, tag)
    if not words:
        raise InputError(Problem(f"sentence {sentence!r}", "no word", "words whose frequency can be known"))
    frequencies = [wordfreq.word_frequency(word, tag, minimum=LEAST_FREQUENCY) for word in words]
    return sum(math.log(frequency) for frequency in frequencies), len(words)
