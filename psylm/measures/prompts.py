"""Prompts: a question as a model reads it, as plain text or in its chat template, and the answers' probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from psylm.common.errors import InputError, Problem, PsylmError
from psylm.common.language import space_between
from psylm.measures.words import UNKNOWN, is_unknown

if TYPE_CHECKING:
    from psylm.models.base import LanguageModel

TOO_LONG = "longer than the model's window with its prompt"
"""Note of a reply that is not scored, since the beginning of its prompt would not be read."""


def has_chat_template(model: LanguageModel) -> bool:
    """Whether a model's tokenizer carries a chat template."""
    return bool(getattr(model.tokenizer.fast, "chat_template", None))


def prompt_tokens(model: LanguageModel, text: str, *, chat: bool) -> tuple[int, ...]:
    """Return the tokens of a prompt, special tokens included.

    Parameters
    ----------
    model
        The model.
    text
        The prompt, or the user's message.
    chat
        Put it into the model's chat template, followed by what begins the model's turn. The template, which comes
        with the model, is rendered by `transformers` in a sandbox.

    Raises
    ------
    PsylmError
        The model has no chat template.
    InputError
        The message holds one of the model's special tokens, which would end the user's turn.
    """
    tokenizer = model.tokenizer
    if not chat:
        return model.sequence(tokenizer.encode(text).ids)
    if not has_chat_template(model):
        raise PsylmError(
            f"model {model.info.name!r}: found no chat template in its tokenizer; chat: false does without"
        )
    special = [token for token in tokenizer.fast.all_special_tokens if token in text]
    if special:
        raise InputError(Problem(f"message {text[:40]!r}…", f"the special token {special[0]!r}", "plain text"))
    message = [{"role": "user", "content": text}]
    rendered = tokenizer.fast.apply_chat_template(message, tokenize=False, add_generation_prompt=True)
    return tuple(tokenizer.fast(rendered, add_special_tokens=False)["input_ids"])


def reply_log_probabilities(
    model: LanguageModel, prompts: Sequence[str], replies: Sequence[str], *, chat: bool, language: str
) -> list[tuple[float, int, str]]:
    """Return the natural log-probability of each reply to its prompt, the reply's number of tokens, and a note.

    A reply has none (NaN, and a note) if the model's vocabulary lacks a part of it, or if prompt and reply together are
    longer than the model's window: a prompt without its beginning is another question, in a chat without its template.

    Parameters
    ----------
    model
        A causal or encoder-decoder model.
    prompts, replies
        Texts. A causal model that reads both as one text has a space between them, in languages that are written so,
        unless there is white space already.
    chat
        As in `prompt_tokens`.
    language
        BCP 47 tag of the replies.
    """
    joined = not chat and not model.traits.source_apart
    read = {prompt: prompt_tokens(model, prompt, chat=chat) for prompt in dict.fromkeys(prompts)}
    texts = [
        (space_between(prompt, reply, language) if joined else "") + reply
        for prompt, reply in zip(prompts, replies, strict=True)
    ]
    encoded = [model.tokenizer.encode(text) for text in texts]
    notes = [
        UNKNOWN
        if is_unknown(model.tokenizer, one, (0, len(one.ids)), (0, len(text)))
        else ""
        if _fits(model, read[prompt], one.ids)
        else TOO_LONG
        for prompt, text, one in zip(prompts, texts, encoded, strict=True)
    ]
    whole = [number for number, note in enumerate(notes) if not note]
    queries = [model.continuation_query(read[prompts[number]], encoded[number].ids) for number in whole]
    answers = model.predict(queries, lambda at, places, tokens: at.log_probability(places, tokens))
    totals = {number: float(answer.sum(dtype=float)) for number, answer in zip(whole, answers, strict=True)}
    return [(totals.get(number, math.nan), len(one.ids), notes[number]) for number, one in enumerate(encoded)]


def _fits(model: LanguageModel, prompt: Sequence[int], reply: Sequence[int]) -> bool:
    """Whether a model reads a prompt whole, and the reply after it; an encoder-decoder model checks its two windows."""
    return model.traits.source_apart or len(prompt) + len(reply) <= model.window
