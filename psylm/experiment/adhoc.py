"""Ad hoc scoring: sentences in, a table of scores out, without an experiment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_origin

import pandas as pd
from pydantic import BaseModel, ValidationError

from psylm.common.errors import InputError, Problem, one_of
from psylm.common.language import has_segmenter, language_of
from psylm.common.yaml_document import problems_of
from psylm.experiment.plan import check_family, check_models, check_starts, chunks
from psylm.experiment.scorer import Scorer
from psylm.experiment.sentences import Sentences, read_sentences
from psylm.measures.registry import MEASURES, Measure
from psylm.measures.trials import sentence_trials
from psylm.models.base import LanguageModel
from psylm.models.held import adopt
from psylm.models.names import ModelSource
from psylm.models.start import AUTO
from psylm.runs.run import write_table
from psylm.runs.score_cache import ScoreCache
from psylm.stimuli.tables import target_starts

COLUMNS = ["model", "sentence_id", "sentence", "region", "word_id", "word", "measure", "value", "note"]
"""The columns of the table that `score` returns, one row a value."""

PRESET: dict[str, dict[str, Any]] = {"surprisal": {"words": "all"}, "metalinguistic": {"task": "sentence"}}
"""Options whose default suits an experiment; ad hoc there are sentences, with no target and no pair."""

NEEDS_WORDS = ("surprisal", "cloze")
"""Measures that find the words of a sentence."""


@dataclass(frozen=True)
class Loading:
    """How a model that is named is loaded; parameters as in `psylm.load_model`, and whether scores are kept."""

    device: str
    dtype: str
    memory: str | None
    start: str
    cache: bool


Model = str | LanguageModel | tuple[Any, Any]


def score(
    model: Model,
    sentences: str | Path | Iterable[str],
    measure: str = "surprisal",
    *,
    output: str | Path | None = None,
    contexts: Iterable[str] | None = None,
    targets: Iterable[str] | None = None,
    language: str | None = None,
    device: str = "auto",
    dtype: str = "float32",
    memory: str | None = None,
    start: str = AUTO,
    cache: bool = True,
    **options: Any,
) -> pd.DataFrame:
    """Score sentences by a measure.

    Parameters
    ----------
    model
        A model's name, as in `psylm.load_model`; a model that this loaded; or a language model of `transformers` with
        its (fast) tokenizer, a pair.
    sentences
        One or several; or the path of a file: text, one sentence a line, or CSV or TSV with a column `sentence` and
        perhaps `context` and `target`.
    measure
        `surprisal` by default (a row a word, in bits). Every measure that gives a table can be asked for:
        `psylm models` lists them.
    output
        A file to write too: CSV, TSV or Parquet by its ending, with the columns of `contract`.
    contexts
        What comes before each sentence: it is conditioned on, not scored. `continuation` and `similarity` compare with
        it.
    targets
        A word of each sentence, for `cloze` and for `surprisal` with ``words="target"``.
    language
        BCP 47 tag of the sentences; by default that of their script: English where it is Latin, Japanese with kana.
    device, dtype, memory
        As in `psylm.load_model`, for a model that is given by name.
    start
        As in `psylm.load_model`, for a name or a pair.
    cache
        Look among the scores of earlier runs first, and keep these; for a model that is given by name.
    **options
        Options of the measure, such as ``quantities=["surprisal", "entropy"]`` or ``units="token"``.

    Returns
    -------
    DataFrame
        One row a value: `model`, `sentence_id` (from 0), `sentence`, `region`, `word_id` (from 0; -1 where the value is
        the sentence's), `word`, `measure`, `value`, and `note`, which says why a value is missing.

    Raises
    ------
    InputError
        A sentence, a file or a line of it, the measure, an option or the model does not fit; before the model is
        loaded.

    Examples
    --------
    >>> score("wordfreq:en", ["The keys are rusty."])[["word_id", "word", "value"]].round(1)
       word_id    word  value
    0        0     The    4.2
    1        1    keys   15.3
    2        2     are    7.5
    3        3  rusty.   17.9
    """
    find_measure(measure)
    target = None if output is None else _output(Path(output))
    if isinstance(sentences, Path):
        if contexts is not None or targets is not None:
            raise InputError(Problem("contexts and targets", "a file of sentences too", "columns of the file"))
        given = read_sentences(sentences)
    else:
        given = Sentences.of(sentences, contexts, targets)
    loading = Loading(device, dtype, memory, start, cache)
    table = _score(model, given, measure, options, language, loading)
    if target is not None:
        write_table(target, contract(table))
    return table


def _output(file: Path) -> Path:
    """Return a file that can be written, as far as its folder and its ending say."""
    if not file.parent.is_dir():
        raise InputError(Problem(f"output {file}", "no such folder", "a folder that exists"))
    if file.suffix not in (".csv", ".tsv", ".parquet"):
        raise InputError(Problem(f"output {file}", f"a name that ends in {file.suffix or 'nothing'}", WRITTEN))
    return file


WRITTEN = "one that ends in .csv, .tsv or .parquet"


def contract(scores: pd.DataFrame) -> pd.DataFrame:
    """Reduce the table of `score` to what says something.

    Parameters
    ----------
    scores
        As `score` returns it.

    Returns
    -------
    DataFrame
        `sentence_id, word_id, word, value`, or `sentence_id, sentence, value` where every value is a sentence's; and
        `region` where words, tokens, targets or sentences stand side by side, `measure` where there are several
        quantities, `note` where a value is missing or has one.
    """
    whole = bool((scores["word_id"] < 0).all())
    columns = ["sentence_id", *(["sentence"] if whole else ["word_id", "word"])]
    varied = [name for name in ("region", "measure") if scores[name].nunique() > 1]
    noted = ["note"] if (scores["note"] != "").any() else []
    return scores[[*columns, *varied, "value", *noted]]


def find_measure(name: str) -> Measure:
    """Return a measure that gives a table, so that sentences at hand can be scored by it.

    Raises
    ------
    InputError
        There is none of that name, or it gives more than a table.
    """
    able = [known for known, measure in MEASURES.items() if not measure.arrays]
    if name not in able:
        found = f"{name!r}, whose arrays need an experiment" if name in MEASURES else repr(name)
        raise InputError(Problem("measure", found, one_of(name, able)))
    return MEASURES[name]


def check_targets(measure: Measure, given: Sentences) -> None:
    """Raise where a measure needs targets that are not there."""
    lacking = [place for place, target in zip(given.places, given.targets, strict=True) if not target]
    if measure.needs_target and lacking:
        expected = f"one in each sentence, for {measure.name}: a column `target` (in Python: targets=)"
        raise InputError(Problem(lacking[0], "no target", expected))


def choose_options(measure: Measure, options: Mapping[str, Any]) -> BaseModel:
    """Check a measure's options by its schema; a text stands for a list of its parts between commas.

    Raises
    ------
    InputError
        One problem for each option that is unknown or has a value that does not fit.

    Examples
    --------
    >>> choose_options(MEASURES["surprisal"], {"quantities": "surprisal,entropy"}).quantities
    ['surprisal', 'entropy']
    """
    fields = measure.options.model_fields
    chosen = PRESET.get(measure.name, {}) | {
        name: [part.strip() for part in value.split(",")]
        if isinstance(value, str) and name in fields and get_origin(fields[name].annotation) is list
        else value
        for name, value in options.items()
    }
    try:
        return measure.options.model_validate(chosen)
    except ValidationError as error:
        problems = problems_of(
            error, measure.options, lambda at: " ".join(["option", ".".join(map(str, at)), "of", measure.name])
        )
        raise InputError(*problems) from None


def _score(
    model: Model,
    given: Sentences,
    measure: str,
    options: Mapping[str, Any],
    language: str | None,
    loading: Loading,
) -> pd.DataFrame:
    asked = find_measure(measure)
    check_targets(asked, given)
    chosen = choose_options(asked, options)
    trials = _trials(given, asked, language)
    _check(trials, given, asked, chosen)
    name, scored = _scoring(model, asked, chosen, loading)
    # Some measures take the language of the first trial for that of all.
    parts = [part for _, mine in trials.groupby("language", sort=False) for part in chunks(mine, 256, asked.together)]
    scores = pd.concat([scored(part) for part in parts])
    scores = scores.rename(columns={"trial": "sentence_id"}).sort_values("sentence_id", kind="stable")
    texts = [given.sentences[number] for number in scores["sentence_id"]]
    return scores.assign(model=name, sentence=texts)[COLUMNS].reset_index(drop=True)


def _trials(given: Sentences, measure: Measure, language: str | None) -> pd.DataFrame:
    """Make trials, each in its own language where none is given."""
    languages, problems = [], []
    for place, sentence in zip(given.places, given.sentences, strict=True):
        languages.append(language or language_of(sentence) or "")
        if not languages[-1]:
            found = f"{sentence[:20]!r}, which may be Chinese or Japanese"
            problems.append(Problem(place, found, "a language: zh or ja (--language, in Python language=)"))
        elif measure.name in NEEDS_WORDS and not has_segmenter(languages[-1]):
            found = (
                f"language {languages[-1]}, which is written without spaces and for which psylm has no word segmenter"
            )
            problems.append(Problem(place, found, "a measure of whole sentences, such as sentence_surprisal"))
    starts = []
    for place, sentence, target, tag in zip(given.places, given.sentences, given.targets, languages, strict=True):
        found_at = target_starts(sentence, target, tag or "en") if target else [-1]
        starts.append(found_at[0] if found_at else -1)
        if len(found_at) != 1:
            often = "not in its sentence" if not found_at else f"{len(found_at)} times in its sentence"
            problems.append(Problem(f"{place}, target {target!r}", often, "a word that stands there once"))
    if problems:
        raise InputError(*_first_of_a_kind(problems))
    trials = sentence_trials(given.sentences, contexts=given.contexts)
    return trials.assign(target=given.targets, start=starts, language=languages)


def _check(trials: pd.DataFrame, given: Sentences, measure: Measure, options: BaseModel) -> None:
    """Raise where a measure finds that its options ask for what the trials lack."""
    problems = [] if measure.check is None else measure.check(trials, options)
    if problems:
        raise InputError(*(replace(problem, place=f"{given.source}: {problem.place}") for problem in problems))


SHOWN = 5
"""Sentences with the same mistake that are named."""


def _first_of_a_kind(problems: list[Problem]) -> list[Problem]:
    more = len(problems) - SHOWN
    return problems[:SHOWN] + ([Problem(f"and {more} more sentences", "the like")] if more > 0 else [])


def _scoring(
    model: Model, measure: Measure, options: BaseModel, loading: Loading
) -> tuple[str, Callable[[pd.DataFrame], pd.DataFrame]]:
    """Return a model's name, and what scores trials with it; a model that is named is loaded when it must be."""
    if isinstance(model, str):
        source = ModelSource.parse(model)
        check_models([source], [measure])
        check_starts([(source, loading.start)])
        kept = ScoreCache() if loading.cache else None
        scorer = Scorer(
            source, device=loading.device, dtype=loading.dtype, memory=loading.memory, start=loading.start, cache=kept
        )
        return model, lambda trials: scorer.score(measure, options, trials)
    held = adopt(*model, start=loading.start) if isinstance(model, tuple) else model
    problem = check_family(held.info.name, held.traits, measure)
    if problem:
        raise InputError(problem)
    return held.info.name, lambda trials: measure.function(held, trials, options)
