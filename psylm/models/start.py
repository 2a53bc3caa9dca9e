"""What a model reads before a plain text: a document separator, its beginning-of-sequence token, a text, or nothing."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from jinja2 import TemplateError

from psylm.common.errors import InputError, Problem

if TYPE_CHECKING:
    from psylm.models.names import ModelSource
    from psylm.models.tokens import Tokenizer

AUTO = "auto"
OPTIONS = (AUTO, "document", "bos", "none")
EXPECTED = "auto, document, bos, none, or a text with more than letters in it, such as '<|endoftext|>' or a line break"

END_OF_DOCUMENT = "<eod>"
SEPARATORS = ("<|endoftext|>", "<|end_of_text|>", "<|end▁of▁sentence|>", "<eos>", "</s>")
"""Tokens by which documents are divided in pre-training, by name; the end of a chat's turn has other names."""

Kind = Literal["document", "bos", "text", "none"]


@dataclass(frozen=True)
class Known:
    """A model whose tokenizer does not say what stood before its texts in pre-training.

    Parameters
    ----------
    option
        The start that is right.
    source
        Where that is said.
    repository
        What the hub's repositories begin with.
    model_type
        What the configuration's `model_type` begins with.
    """

    option: Literal["document", "bos"]
    source: str
    repository: str | None = None
    model_type: str | None = None

    def fits(self, source: ModelSource) -> bool:
        """Whether a model is of this kind."""
        if self.repository is not None:
            return source.kind == "hub" and source.place.startswith(self.repository)
        return self.model_type is not None and source.model_type.startswith(self.model_type)


KNOWN = (
    Known(
        "bos",
        "rinna's training code: every document is BOS, text, EOS (rinnakk/japanese-pretrained-models, "
        "src/task/pretrain_gpt2/data_source.py)",
        repository="rinna/japanese-gpt2",
    ),
    Known(
        "bos",
        "Gemma needs its BOS, which the tokenizer of Gemma 4 leaves to the caller (lm-evaluation-harness #1465, "
        "llama.cpp #21500)",
        model_type="gemma",
    ),
)
"""Models for which the rules of `find_start` do not suffice."""


@dataclass(frozen=True)
class Start:
    """What stands before a plain text.

    Parameters
    ----------
    ids
        Its tokens.
    kind
        What it is.
    text
        The tokens, written out.
    reason
        Why it is this one.
    """

    ids: tuple[int, ...]
    kind: Kind
    text: str
    reason: str

    def described(self) -> dict[str, Any]:
        """Return what the manifest says of it."""
        return {key: value for key, value in asdict(self).items() if key != "ids"}


def check_start(option: str, place: str = "start") -> str:
    """Return an option if it is one, or a text that cannot be a misspelt one.

    Raises
    ------
    InputError
        It is empty, or made of letters only but no option.

    Examples
    --------
    >>> check_start("document"), check_start("<s>")
    ('document', '<s>')
    >>> check_start("documents")
    Traceback (most recent call last):
    ...
    psylm.common.errors.InputError: start: found 'documents'; expected auto, document, ...
    """
    if option not in OPTIONS and re.fullmatch("[A-Za-z]*", option):
        raise InputError(Problem(place, repr(option), EXPECTED))
    return option


def check_family(source: ModelSource, option: str) -> None:
    """Raise where an option is none, or a model's texts have a start that is no choice."""
    check_start(option, f"start of {source.name}")
    if option != AUTO and not source.traits.starts:
        found = f"{option!r} for a model of the family {source.family}"
        expected = "auto: such a model reads every text between its own special tokens"
        raise InputError(Problem(f"start of {source.name}", found, expected))


def find_start(source: ModelSource, tokenizer: Tokenizer, option: str = AUTO) -> Start | None:
    """Return what a model reads before a plain text.

    By default (`auto`) that is, in this order: what `KNOWN` says; what the tokenizer itself puts before every text,
    unless that marks the turns of a chat; the separator of documents; the BOS, unless that marks turns; nothing.

    Parameters
    ----------
    source
        The model.
    tokenizer
        Its tokenizer.
    option
        `auto`, `document` (the separator of documents in pre-training), `bos` (what the tokenizer puts before a text,
        else the BOS that it names), `none`, or a text, in which special tokens are read as such.

    Returns
    -------
    Start or None
        None for families in which the start of a text is no choice.

    Raises
    ------
    InputError
        There is no such option, the model has no such token, or a start cannot be chosen for its family.
    """
    check_family(source, option)
    if not source.traits.starts:
        return None
    place = f"start of {source.name}"
    if source.kind == "scratch" and option in (AUTO, "document", "bos"):
        from psylm.models.tokens import boundaries

        begin, _ = boundaries(tokenizer.fast)
        return _start(tokenizer, (begin,), "bos", "psylm train puts it before every text")
    if option == AUTO:
        return _by_default(source, tokenizer)
    if option == "none":
        return Start((), "none", "", "as chosen")
    if option == "bos":
        return _start(tokenizer, _bos(tokenizer, place), "bos", "as chosen")
    if option == "document":
        separator = _separator(tokenizer)
        if separator is None:
            raise InputError(Problem(place, "no separator of documents in the vocabulary", "bos, none or a text"))
        return _start(tokenizer, (separator,), "document", "as chosen")
    ids = tuple(tokenizer.fast(option, add_special_tokens=False)["input_ids"])
    return Start(ids, "text", option, "as chosen")


def _by_default(source: ModelSource, tokenizer: Tokenizer) -> Start:
    for known in KNOWN:
        if known.fits(source):
            chosen = find_start(source, tokenizer, known.option)
            assert chosen is not None, "the family takes a start"
            return Start(chosen.ids, chosen.kind, chosen.text, known.source)
    before, bos = tokenizer.around[0], tokenizer.bos
    if before and not any(marks_turns(tokenizer, token) for token in before):
        return _start(tokenizer, before, "bos", "the tokenizer puts it before every text")
    separator = _separator(tokenizer)
    marker = bos is not None and marks_turns(tokenizer, bos)
    if separator is not None:
        if marker:
            reason = f"separator of documents; the BOS {tokenizer.fast.bos_token} marks the turns of a chat"
        elif bos is None:
            reason = "separator of documents; the tokenizer has no BOS"
        elif bos == separator:
            reason = "separator of documents and BOS in one"
        else:
            reason = f"separator of documents; the tokenizer puts no {tokenizer.fast.bos_token} before texts"
        return _start(tokenizer, (separator,), "document", reason)
    if bos is not None and not marker:
        return _start(tokenizer, (bos,), "bos", "the only token that could begin a text")
    return Start((), "none", "", "the tokenizer has no token that begins or divides texts")


def marks_turns(tokenizer: Tokenizer, token: int) -> bool:
    """Whether a token marks the turns of a chat: it stands in a rendered conversation more than once."""
    template = tokenizer.fast.chat_template
    if not template:
        return False
    name = tokenizer.fast.convert_ids_to_tokens(token)
    turns = [{"role": role, "content": "A"} for role in ("user", "assistant", "user")]
    try:
        return bool(tokenizer.fast.apply_chat_template(turns, tokenize=False).count(name) > 1)
    except (TemplateError, TypeError, ValueError):  # it wants tools, documents or other roles: its text is judged
        return name in str(template)


def _bos(tokenizer: Tokenizer, place: str) -> tuple[int, ...]:
    """Return what the tokenizer puts before a text, or the BOS that it names."""
    found = tokenizer.around[0] or (() if tokenizer.bos is None else (tokenizer.bos,))
    if not found:
        raise InputError(Problem(place, "no BOS in the tokenizer", "document, none or a text"))
    return found


def _separator(tokenizer: Tokenizer) -> int | None:
    """Return the token that divides documents: by its name, else the EOS."""
    eos = tokenizer.fast.eos_token
    for name in (END_OF_DOCUMENT, *([eos] if eos in SEPARATORS else []), *SEPARATORS, eos):
        identity = None if name is None else tokenizer.identity(name)
        if identity is not None and tokenizer.is_special(identity):
            return identity
    return None


def _start(tokenizer: Tokenizer, ids: tuple[int, ...], kind: Kind, reason: str) -> Start:
    return Start(ids, kind, tokenizer.text(ids), reason)
