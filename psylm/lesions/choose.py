"""Which heads and layers a lesion takes: those that it names, or so many of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from psylm.common.errors import InputError, Problem
from psylm.lesions.sites import Site
from psylm.models.changes import Change
from psylm.models.lesion_kinds import Heads

Place = TypeVar("Place")


def all_heads(sites: Sequence[Site]) -> Heads:
    """Return every head, in the order of sites."""
    return [(number, head) for number, site in enumerate(sites) for head in range(site.heads)]


def head_name(sites: Sequence[Site], head: tuple[int, int]) -> str:
    """Return a head's name, `LAYER.HEAD`."""
    return f"{sites[head[0]].name}.{head[1]}"


def named_heads(change: Change, sites: Sequence[Site], where: str) -> Heads:
    """Find the heads that a change names.

    Raises
    ------
    InputError
        There is no such head; the message gives the range of heads.
    """
    return _named(change, {head_name(sites, head): head for head in all_heads(sites)}, "heads", where)


def named_layers(change: Change, sites: Sequence[Site], where: str) -> list[Site]:
    """Find the layers that a change names, each by one of its attentions; errors as of `named_heads`."""
    return _named(change, {site.name: site for site in sites if not site.crosses}, "layers", where)


def _named(change: Change, there: dict[str, Place], what: str, where: str) -> list[Place]:
    """Find what a change names among all that there is, by name and in order."""
    problems = [
        Problem(where, f"{change.kind} {name}", f"{what} {next(iter(there))} to {next(reversed(there))}")
        for name in change.places
        if name not in there
    ]
    if problems:
        raise InputError(*problems)
    return [there[name] for name in change.places]


def head_amount(change: Change, total: int, where: str) -> int:
    """Return how many heads an amount is: a number, or a share of all, to the nearest.

    Examples
    --------
    >>> from psylm.lesions import Lesion
    >>> head_amount(Lesion.parse("random-heads=0.25@1", "")["random-heads"], 270, "")
    68
    """
    assert change.strength is not None
    count = round(change.strength * total) if change.is_share else int(change.strength)
    if count > total:
        raise InputError(Problem(where, f"{change.kind} {change.value}", f"at most {total} heads, which there are"))
    return count


def random_heads(sites: Sequence[Site], count: int, seed: int) -> Heads:
    """Draw heads at random, each as likely; fewer of the same seed are among more."""
    heads = all_heads(sites)
    order = np.random.default_rng(seed).permutation(len(heads))
    return sorted(heads[place] for place in order[:count])


def ranked_heads(importance: Sequence[Sequence[float]], count: int, *, most: bool) -> Heads:
    """Return the heads that matter most, or least; of equals, those that come first.

    Examples
    --------
    >>> ranked_heads([[0.1, 0.9], [0.5, 0.3]], 2, most=True), ranked_heads([[0.1, 0.9], [0.5, 0.3]], 1, most=False)
    ([(0, 1), (1, 0)], [(0, 0)])
    """
    heads = [(value, number, head) for number, site in enumerate(importance) for head, value in enumerate(site)]
    ordered = sorted(heads, key=lambda one: (-one[0] if most else one[0], *one[1:]))
    return sorted((number, head) for _, number, head in ordered[:count])
