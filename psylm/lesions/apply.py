"""A lesion in a loaded model: put there for a while, or for good, without a change to its code or weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from psylm.common.errors import InputError, Problem
from psylm.lesions.choose import (
    Heads,
    all_heads,
    amount,
    head_name,
    named_heads,
    named_layers,
    random_heads,
    ranked_heads,
)
from psylm.lesions.disturb import disturb
from psylm.lesions.effects import Effect
from psylm.lesions.hooks import attributes, move_positions, note_reading, pass_by
from psylm.lesions.importance import kept_importance, mean_outputs
from psylm.lesions.reading import Reading
from psylm.lesions.reference import reference_texts
from psylm.lesions.sites import Site, encoder_and_decoder, find_sites
from psylm.lesions.taps import changed
from psylm.models.base import LanguageModel
from psylm.models.causal import CausalModel
from psylm.models.changes import Change, Lesion
from psylm.models.query import Row

BY_TEXT = ("noise", "dropout")
"""Changes that differ from text to text, and from token to token."""

APART = (*BY_TEXT, "span")
"""Changes for which sequences that begin alike cannot be read in one row, and that two streams cannot share."""


@contextmanager
def lesioned(model: LanguageModel, lesion: str | Lesion) -> Iterator[LanguageModel]:
    """Change a loaded model for a while; afterwards, even after an error, it is bit for bit as it was.

    Parameters
    ----------
    model
        A model with attention: causal, masked, permuted or encoder-decoder.
    lesion
        As in a model's name, after the `#`: `heads=3.4+5.0,temperature=2.0`. `random` and a second lesion inside the
        first cannot be had this way.

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
    if "random" in lesion:
        raise InputError(
            Problem(where, "random, which other weights are loaded for", "load_model('MODEL#random=SEED')")
        )
    if not lesion:
        yield model
        return
    if model.info.lesion is not None and any(fact["kind"] != "random" for fact in model.info.lesion["facts"]):
        raise InputError(Problem(where, f"a model with a lesion, {model.info.lesion['changes']}", "an intact model"))
    before = model.info, model.remembered
    earlier = [] if model.info.lesion is None else model.info.lesion["facts"]  # that its weights are random
    with ExitStack() as stack:
        facts = _enter(stack, model, lesion, where)
        model.info = replace(model.info, lesion={"changes": str(lesion), "facts": earlier + facts})
        model.remembered = {}
        try:
            yield model
        finally:
            model.info, model.remembered = before


def keep(model: LanguageModel, lesion: Lesion) -> None:
    """Change a model that was just loaded by its name, for good; random weights are in it already."""
    facts = [_fact(change) for change in lesion.changes if change.kind == "random"]
    if facts:
        model.info = replace(model.info, lesion={"changes": str(lesion), "facts": facts})
    rest = Lesion(tuple(change for change in lesion.changes if change.kind != "random"))
    stack = ExitStack()
    stack.enter_context(lesioned(model, rest))
    if model.info.lesion is not None:
        model.info = replace(model.info, lesion=model.info.lesion | {"changes": str(lesion)})
    model.__dict__["kept"] = stack  # it is there as long as the model is


def _enter(stack: ExitStack, model: LanguageModel, lesion: Lesion, where: str) -> list[dict[str, Any]]:
    """Put a lesion in place; return what is to be known of each of its changes."""
    _check(model, lesion, where)
    stack.enter_context(attributes(model, _optimisations(model, lesion)))
    network, sites = model.network, find_sites(model)
    taken = _taken(model, lesion, sites, where)
    readings = _readings(stack, model)
    effects = {site.name: Effect(reading=readings["e" if site.name[0] == "e" else "d"]) for site in sites}
    for site in sites:
        effect = effects[site.name]
        if "temperature" in lesion:
            effect.temperature = float(lesion["temperature"].strength or 1)
        if "span" in lesion and not site.crosses:
            effect.span = int(lesion["span"].strength or 1)
    for number, head in sorted({head for heads in taken.values() for head in heads}):
        effect = effects[sites[number].name]
        if effect.gate is None:
            effect.gate = torch.ones(sites[number].heads, device=network.device)
        effect.gate[head] = 0
    if "mean-heads" in lesion:
        means = mean_outputs(model, sites, reference_texts(lesion, where))
        for number, head in taken["mean-heads"]:
            effect = effects[sites[number].name]
            effect.fill = torch.zeros_like(means[number]) if effect.fill is None else effect.fill
            effect.fill[head] = means[number][head]
    disturb(stack, model, lesion, sites, effects, where)
    for site in named_layers(lesion["layers"], sites, where) if "layers" in lesion else []:
        pass_by(stack, site.layer)
    if "positions" in lesion or "shuffle" in lesion:
        move_positions(stack, model, lesion, where)
    stack.enter_context(changed(network, {site.module: effects[site.name] for site in sites}))
    total = len(all_heads(sites))
    return [
        _fact(change)
        | (
            {"heads": [head_name(sites, head) for head in taken[change.kind]], "of": total}
            if change.kind in taken
            else {}
        )
        for change in lesion.changes
        if change.kind != "texts"
    ]


def _fact(change: Change) -> dict[str, Any]:
    return {"kind": change.kind, "strength": change.strength, "seed": change.seed}


def _check(model: LanguageModel, lesion: Lesion, where: str) -> None:
    """Raise where a lesion cannot be done faithfully in a model of this kind, or its changes exclude each other."""
    problems = [
        Problem(where, f"{kind} in a model of permutations, whose two streams differ in it", "another family")
        for kind in APART
        if kind in lesion and model.family == "permuted"
    ]
    if "positions" in lesion and "shuffle" in lesion:
        problems.append(Problem(where, "positions and shuffle", "one of the two"))
    if "texts" in lesion and not any(kind in lesion for kind in ("mean-heads", "important-heads", "unimportant-heads")):
        problems.append(Problem(where, "texts", "mean-heads, important-heads or unimportant-heads beside it"))
    if problems:
        raise InputError(*problems)


def _taken(model: LanguageModel, lesion: Lesion, sites: Sequence[Site], where: str) -> dict[str, Heads]:
    """Return the heads that each change takes, by its kind."""
    taken = {kind: named_heads(lesion[kind], sites, where) for kind in ("heads", "mean-heads") if kind in lesion}
    total = len(all_heads(sites))
    if "random-heads" in lesion:
        change = lesion["random-heads"]
        taken["random-heads"] = random_heads(sites, amount(change, total, where), change.seed or 0)
    ranked = [kind for kind in ("important-heads", "unimportant-heads") if kind in lesion]
    if ranked:
        importance = kept_importance(model, sites, reference_texts(lesion, where))
        for kind in ranked:
            count = amount(lesion[kind], total, where)
            taken[kind] = ranked_heads(importance, count, most=kind == "important-heads")
    return taken


def _optimisations(model: LanguageModel, lesion: Lesion) -> dict[str, Any]:
    """Return the shortcuts that a lesion rules out: they would not see it, or put other neighbours in a row."""
    switched: dict[str, Any] = {}
    if hasattr(type(model), "_last_layer"):
        switched["_last_layer"] = None
    if isinstance(model, CausalModel):
        switched["_tried"] = {}  # what was seen of the model as it was holds no longer
        if any(kind in lesion for kind in APART):
            switched["_branches"] = False
    return switched


def _readings(stack: ExitStack, model: LanguageModel) -> dict[str, Reading]:
    """Take note of what encoder (`e`) and decoder or single network (`d`) read, each time that they do."""
    network, tokens = model.network, model.tokenizer
    special = {
        *tokens.around[0],
        *tokens.around[1],
        *filter(tokens.is_special, tokens.start),
        getattr(network.config, "decoder_start_token_id", None),
    }
    known = [token for token in special if token is not None]
    encoder, decoder = encoder_and_decoder(model)
    both = encoder is not None and decoder is not None
    readings = {"e": Reading(known, forward=False), "d": Reading(known, forward=model.left_to_right or both)}
    if encoder is not None:
        note_reading(stack, encoder, readings["e" if both else "d"])
    if decoder is not None:
        note_reading(stack, decoder, readings["d"])
    if both:
        own = model._hidden

        def hidden(rows: Sequence[Row]) -> Tensor:
            readings["d"].sources = [row.source for row in rows]
            return own(rows)

        stack.enter_context(attributes(model, {"_hidden": hidden}))
    return readings
