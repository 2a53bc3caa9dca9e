"""Metalinguistic prompting: asking a model for a judgement, next to the probabilities that it gives directly."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from string import Formatter
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, Field, model_validator

from psylm.common.errors import InputError, Problem
from psylm.measures.prompts import has_chat_template, reply_log_probabilities
from psylm.measures.registry import SCORE_COLUMNS, measure
from psylm.measures.words import texts

if TYPE_CHECKING:
    import pandas as pd

    from psylm.models.base import LanguageModel

PROMPTS = {
    "sentence": "Could a native speaker say the following sentence? Reply with Yes or No.\n"
    "Sentence: {sentence}\nReply:",
    "comparison": "One of two sentences is better than the other. Reply with the number of the better one.\n"
    "1: {first}\n2: {second}\nReply:",
    "word": "A sentence breaks off. Reply with the word that is most likely to come next.\nSentence: {prefix}\nReply:",
}
ANSWERS = {"sentence": ["Yes", "No"], "comparison": ["1", "2"], "word": []}
PLACEHOLDERS = {"sentence": {"sentence"}, "comparison": {"first", "second"}, "word": {"prefix"}}


class MetalinguisticOptions(BaseModel, extra="forbid"):
    """What can be chosen of `metalinguistic`."""

    task: Literal["sentence", "comparison", "word"] = Field(
        default="comparison",
        description="judge each sentence, choose between the two sentences of an item, or say which word comes next",
    )
    prompt: str = Field(default="", description="the question, with {sentence}, {first} and {second}, or {prefix}")
    answers: list[str] = Field(
        default=[], description="the two answers: that the sentence is good and that it is not, or first and second"
    )
    chat: bool | None = Field(default=None, description="ask in the model's chat template; by default where it has one")

    @model_validator(mode="after")
    def _fits_the_task(self) -> MetalinguisticOptions:
        self.prompt = self.prompt or PROMPTS[self.task]
        self.answers = self.answers or ANSWERS[self.task]
        found = {name for _, name, _, _ in Formatter().parse(self.prompt) if name is not None}
        if found != PLACEHOLDERS[self.task]:
            expected = " and ".join(f"{{{name}}}" for name in sorted(PLACEHOLDERS[self.task]))
            raise ValueError(f"prompt: {expected} for the task {self.task}")
        if len(self.answers) != len(ANSWERS[self.task]):
            raise ValueError(f"answers: {len(ANSWERS[self.task])} for the task {self.task}")
        return self


@measure(
    "metalinguistic",
    needs={"prompts"},
    options=MetalinguisticOptions,
    together="item",
    meaning="what the model replies when it is asked: log-odds of the answer, or log-probability of the word (nats)",
)
def metalinguistic(model: LanguageModel, trials: pd.DataFrame, options: MetalinguisticOptions) -> pd.DataFrame:
    """Ask a model about sentences, and score its possible answers.

    Parameters
    ----------
    model
        A model that can answer; one that was trained to follow instructions.
    trials
        Trials. For `comparison` each item has two; for `word` each has a target.
    options
        What is asked, and how.

    Returns
    -------
    DataFrame
        One row a trial, in nats: for `sentence`, log p(yes) - log p(no); for `comparison`, the log-odds that this
        sentence is named, not the other, averaged over both orders of the two; for `word`, the log-probability of the
        target as the answer (region `target`).

    Raises
    ------
    InputError
        An item has not two trials, or a trial no target, where the task needs that.

    References
    ----------
    Hu & Levy (2023), Prompting is not a substitute for probability measurements in large language models, EMNLP.
    """
    chat = has_chat_template(model) if options.chat is None else options.chat
    asked = list(_questions(trials, options))
    prompts, replies = [prompt for _, prompt, _, _ in asked], [reply for _, _, reply, _ in asked]
    scores = _by_language(model, trials, [trial for trial, *_ in asked], prompts, replies, chat)
    values = dict.fromkeys(trials["trial"], 0.0)
    notes = dict.fromkeys(trials["trial"], "")
    for (trial, _, _, weight), (log_probability, _, note) in zip(asked, scores, strict=True):
        values[trial] += weight * log_probability
        notes[trial] = notes[trial] or note
    table = trials[["trial"]].assign(region="sentence", word_id=-1, word="", measure="metalinguistic")
    if options.task == "word":
        table = table.assign(region="target", word=trials["target"])
    return table.assign(value=table["trial"].map(values), note=table["trial"].map(notes))[SCORE_COLUMNS]


def _by_language(
    model: LanguageModel, trials: pd.DataFrame, asked: list[int], prompts: list[str], replies: list[str], chat: bool
) -> list[tuple[float, int, str]]:
    """Score replies, those to trials of one language together: it says whether a space comes before a reply."""
    languages = dict(zip(trials["trial"], trials["language"], strict=True))
    found: dict[int, tuple[float, int, str]] = {}
    for language in dict.fromkeys(languages.values()):
        mine = [number for number, trial in enumerate(asked) if languages[trial] == language]
        some_prompts, some_replies = [prompts[number] for number in mine], [replies[number] for number in mine]
        scored = reply_log_probabilities(model, some_prompts, some_replies, chat=chat, language=language)
        found |= dict(zip(mine, scored, strict=True))
    return [found[number] for number in range(len(asked))]


def _questions(trials: pd.DataFrame, options: MetalinguisticOptions) -> Iterator[tuple[int, str, str, float]]:
    """Yield what is asked: the trial, the prompt, an answer, and the weight of its log-probability in the value."""
    whole = {trial: text for trial, (text, _) in zip(trials["trial"], texts(trials), strict=True)}
    if options.task == "comparison":
        for item, pair in trials.groupby("item", sort=False)["trial"]:
            if len(pair) != 2:
                raise InputError(Problem(f"item {item}", f"{len(pair)} sentences", "two, for a comparison"))
            for first, second in permutations(pair):
                prompt = options.prompt.format(first=whole[first], second=whole[second])
                for named, other, answer in zip((first, second), (second, first), options.answers, strict=True):
                    yield named, prompt, answer, 0.5
                    yield other, prompt, answer, -0.5
    elif options.task == "sentence":
        for trial, text in whole.items():
            prompt = options.prompt.format(sentence=text)
            yield trial, prompt, options.answers[0], 1.0
            yield trial, prompt, options.answers[1], -1.0
    else:
        for trial, target, start, (text, offset) in zip(
            trials["trial"], trials["target"], trials["start"], texts(trials), strict=True
        ):
            if not target:
                raise InputError(Problem(f"trial {trial}", "no target", "one, to be named as the next word"))
            yield trial, options.prompt.format(prefix=text[: offset + start].rstrip()), target, 1.0
