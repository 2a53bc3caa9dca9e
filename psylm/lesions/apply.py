"""A lesion in a loaded model: put there for a while, or for good, without a change to its code or weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from psylm.common.errors import InputError, Problem
from psylm.lesions.choose import all_heads, head_name
from psylm.lesions.effects import Effect
from psylm.lesions.hooks import attributes
from psylm.lesions.operation import Operation, readings, shortcuts
from psylm.lesions.sites import find_sites
from psylm.models.attending import changed
from psylm.models.base import LanguageModel
from psylm.models.changes import Change, Lesion
from psylm.models.lesion_kinds import LESION_KINDS


@contextmanager
def lesioned(model: LanguageModel, lesion: str | Lesion, *, cache: bool = True) -> Iterator[LanguageModel]:
    """Change a loaded model for a while; afterwards, even after an error, it is bit for bit as it was.

    Parameters
    ----------
    model
        A model with attention: causal, masked, permuted or encoder-decoder.
    lesion
        As in a model's name, after the `#`: `heads=3.4+5.0,temperature=2.0`. `random` and a second lesion inside the
        first cannot be had this way.
    cache
        Look the importance of heads up in the user's cache, and keep it there.

    Yields
    ------
    LanguageModel
        The same model, with what it remembers of other scores set aside.

    Raises
    ------
    PsylmError
        The lesion has another form, names what the model lacks, or cannot be done faithfully in it.

    References
    ----------
    Michel, Levy & Neubig (2019), *Are sixteen heads really better than one?* (heads); Gal & Ghahramani (2016),
    *Dropout as a Bayesian approximation* (dropout).

    Examples
    --------
    >>> import psylm
    >>> model = psylm.load_model("embedded:smollm2-135m")  # doctest: +SKIP
    >>> with lesioned(model, "heads=3.4"):  # doctest: +SKIP
    ...     ...
    """
    where = f"lesion {str(lesion)!r} of {model.info.name}"
    if isinstance(lesion, str):
        lesion = Lesion.parse(lesion, where)
    if loaded := [change for change in lesion.changes if change.about.at_loading]:
        found = f"{loaded[0].kind}, which other weights are loaded for"
        raise InputError(Problem(where, found, f"load_model('MODEL#{loaded[0]}')"))
    if not lesion:
        yield model
        return
    if model.info.lesion is not None and not all(_at_loading(fact) for fact in model.info.lesion["facts"]):
        raise InputError(Problem(where, f"a model with a lesion, {model.info.lesion['changes']}", "an intact model"))
    before = model.info, model.remembered
    earlier = [] if model.info.lesion is None else model.info.lesion["facts"]  # that its weights are random
    with ExitStack() as stack:
        facts = _enter(stack, model, lesion, where, cache=cache)
        model.info = replace(model.info, lesion={"changes": str(lesion), "facts": earlier + facts})
        model.remembered = {}
        try:
            yield model
        finally:
            model.info, model.remembered = before


def _at_loading(fact: dict[str, Any]) -> bool:
    return LESION_KINDS[fact["kind"]].at_loading


def keep(model: LanguageModel, lesion: Lesion, *, cache: bool = True) -> None:
    """Change a model that was just loaded by its name, for good; random weights are in it already."""
    facts = [_fact(change) for change in lesion.changes if change.about.at_loading]
    if facts:
        model.info = replace(model.info, lesion={"changes": str(lesion), "facts": facts})
    rest = Lesion(tuple(change for change in lesion.changes if not change.about.at_loading))
    stack = ExitStack()
    stack.enter_context(lesioned(model, rest, cache=cache))
    if model.info.lesion is not None:
        model.info = replace(model.info, lesion=model.info.lesion | {"changes": str(lesion)})
    model.__dict__["kept"] = stack  # it is there as long as the model is


def _enter(stack: ExitStack, model: LanguageModel, lesion: Lesion, where: str, *, cache: bool) -> list[dict[str, Any]]:
    """Put a lesion in place; return what is to be known of each of its changes."""
    _check(model, lesion, where)
    stack.enter_context(attributes(model, shortcuts(model, lesion)))
    sites = find_sites(model)
    read = readings(stack, model)
    effects = {site.name: Effect(reading=read["e" if site.name[0] == "e" else "d"]) for site in sites}
    operation = Operation(model, lesion, where, stack, sites, effects, cache)
    changes = sorted(lesion.changes, key=lambda change: (change.about.stage, change.kind))
    taken = {change.kind: change.about.choose(operation, change) for change in changes if change.about.choose}
    for heads in taken.values():
        operation.silence(heads)
    for change in changes:
        if change.about.enter is not None:
            change.about.enter(operation, change)
    stack.enter_context(changed(model.network, {site.module: effects[site.name] for site in sites}))
    total = len(all_heads(sites))
    named = {kind: {"heads": [head_name(sites, head) for head in heads], "of": total} for kind, heads in taken.items()}
    return [_fact(one) | named.get(one.kind, {}) for one in lesion.changes if not one.about.accompanies]


def _fact(change: Change) -> dict[str, Any]:
    return {"kind": change.kind, "strength": change.strength, "seed": change.seed}


def _check(model: LanguageModel, lesion: Lesion, where: str) -> None:
    """Raise where a lesion cannot be done faithfully in a model of this kind, or its changes exclude each other."""
    problems: list[Problem] = []
    for change in lesion.changes:
        kind, about = change.kind, change.about
        if about.by_neighbours and model.traits.two_streams:
            found = f"{kind} in a model of permutations, whose two streams differ in it"
            problems.append(Problem(where, found, "another family"))
        problems += [
            Problem(where, f"{kind} and {other}", "one of the two")
            for other in about.excludes
            if other in lesion and kind < other
        ]
        if about.accompanies and not any(other in lesion for other in about.accompanies):
            beside = " or ".join(", ".join(about.accompanies).rsplit(", ", 1))
            problems.append(Problem(where, kind, f"{beside} beside it"))
    if problems:
        raise InputError(*problems)
