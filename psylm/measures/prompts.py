"""Prompts: a question as a model reads it, as plain text or in its chat template, and the answers' probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from psylm.common.errors import InputError, Problem, PsylmError
from psylm.common.language import space_between
from psylm.measures.words import is_unknown

if TYPE_CHECKING:
    from psylm.models.base import LanguageModel


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
) -> list[tuple[float, int]]:
    """Return the natural log-probability of each reply to its prompt, and the reply's number of tokens.

    A reply has none (NaN) if the model's vocabulary lacks a part of it.

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
    queries = [model.continuation_query(read[prompt], one.ids) for prompt, one in zip(prompts, encoded, strict=True)]
    answers = model.predict(queries, lambda at, places, tokens: at.log_probability(places, tokens))
    return [
        (
            math.nan
            if is_unknown(model.tokenizer, one, (0, len(one.ids)), (0, len(text)))
            else answer.sum(dtype=float),
            len(answer),
        )
        for text, one, answer in zip(texts, encoded, answers, strict=True)
    ]
