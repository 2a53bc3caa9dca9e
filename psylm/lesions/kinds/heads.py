"""Lesions of heads: those that are named, drawn at random, or that matter most or least."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from psylm.lesions.values import amount, names
from psylm.models.changes import Change
from psylm.models.lesion_kinds import LESION_KINDS, Dose, Heads, LesionKind

NAMES = "LAYER.HEAD[+LAYER.HEAD…], each once, counted from 0"
AMOUNT = "a share of all heads from 0.0 to 1.0, or a number of heads"
HEAD = re.compile(r"[edc]?\d+\.\d+")


def _share(name: str) -> Callable[[Mapping[str, Any]], Dose]:
    """Count heads as the share of all."""
    return lambda fact: Dose(name, len(fact["heads"]) / fact["of"], "share of heads")


def _named(operation: Any, change: Change) -> Heads:
    heads: Heads = operation.named_heads(change)
    return heads


def _at_their_mean(operation: Any, change: Change) -> Heads:
    from psylm.lesions.importance import mean_outputs

    heads = _named(operation, change)
    means = mean_outputs(operation.model, operation.sites, operation.texts)
    for number, head in heads:
        operation.effects[operation.sites[number].name].give_instead(head, means[number])
    return heads


def _at_random(operation: Any, change: Change) -> Heads:
    from psylm.lesions.choose import random_heads

    return random_heads(operation.sites, operation.amount(change), change.seed or 0)


def _ranked(*, most: bool) -> Callable[[Any, Change], Heads]:
    def choose(operation: Any, change: Change) -> Heads:
        from psylm.lesions.choose import ranked_heads

        return ranked_heads(operation.importance, operation.amount(change), most=most)

    return choose


LESION_KINDS.add(
    "heads",
    LesionKind(
        NAMES,
        "these heads give zeros; `e0.1`, `d0.1`, `c0.1` are heads of encoder, decoder and cross-attention",
        names(HEAD),
        _share("chosen heads"),
        names="heads",
        choose=_named,
    ),
)
LESION_KINDS.add(
    "mean-heads",
    LesionKind(
        NAMES,
        "these heads give what they give on average over reference texts",
        names(HEAD),
        _share("chosen heads at their mean"),
        names="heads",
        choose=_at_their_mean,
    ),
)
LESION_KINDS.add(
    "random-heads",
    LesionKind(
        f"AMOUNT@SEED, {AMOUNT}",
        "heads drawn at random give zeros; the fewer of a seed are among the more",
        amount,
        _share("random heads"),
        seeded=True,
        choose=_at_random,
    ),
)
LESION_KINDS.add(
    "important-heads",
    LesionKind(
        f"AMOUNT, {AMOUNT}",
        "the heads that matter most give zeros (Michel et al. 2019)",
        amount,
        _share("important heads"),
        choose=_ranked(most=True),
    ),
)
LESION_KINDS.add(
    "unimportant-heads",
    LesionKind(
        f"AMOUNT, {AMOUNT}",
        "the heads that matter least give zeros (Michel et al. 2019)",
        amount,
        _share("unimportant heads"),
        choose=_ranked(most=False),
    ),
)
