"""A lesion in a loaded model: put there for a while, or for good, without a change to its code or weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from psylm.errors import InputError, Problem
from psylm.lesions.choose import all_heads, head_name, named_layers, silent_heads
from psylm.lesions.effects import Effect
from psylm.lesions.grammar import Change, Lesion
from psylm.lesions.reading import Reading
from psylm.lesions.sites import Site, changed, find_sites
from psylm.models.base import LanguageModel
from psylm.scratch.xlnet import TwoStreamLayer

BY_TEXT = ("noise", "dropout")
"""Changes that differ from text to text, and from token to token."""

APART = (*BY_TEXT, "span")
"""Changes for which sequences that begin alike cannot be read in one row."""

OFFSET = ("roberta", "xlm-roberta", "camembert")
"""Models whose positions begin after that of padding."""


DONE = ("heads", "layers", "random-heads", "temperature", "span")


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
    with ExitStack() as stack:
        facts = _enter(stack, model, lesion, where)
        before = model.info, model.remembered
        model.info = replace(model.info, lesion={"changes": str(lesion), "facts": facts})
        model.remembered = {}
        try:
            yield model
        finally:
            model.info, model.remembered = before


def keep(model: LanguageModel, lesion: Lesion) -> None:
    """Change a model that was just loaded by its name, for good."""
    stack = ExitStack()
    stack.enter_context(lesioned(model, Lesion(tuple(change for change in lesion.changes if change.kind != "random"))))
    facts = [] if model.info.lesion is None else model.info.lesion["facts"]
    facts += [_fact(change) for change in lesion.changes if change.kind == "random"]
    model.info = replace(model.info, lesion={"changes": str(lesion), "facts": facts})
    model.__dict__["kept"] = stack  # it is as long there as the model is


def _enter(stack: ExitStack, model: LanguageModel, lesion: Lesion, where: str) -> list[dict[str, Any]]:
    """Put a lesion in place; return what is to be known of each of its changes."""
    network = model.network
    sites = find_sites(network)
    reading = _reading(stack, model)
    effects = {site.module: Effect(reading=reading) for site in sites}
    unknown = [change.kind for change in lesion.changes if change.kind not in DONE]
    if unknown:
        raise InputError(Problem(where, ", ".join(unknown), "one of " + ", ".join(DONE)))
    taken = silent_heads(lesion, sites, where)
    for heads in taken.values():
        for number, head in heads:
            _gate(effects[sites[number].module], sites[number], network)[head] = 0
    for site in sites:
        effect = effects[site.module]
        if "temperature" in lesion:
            effect.temperature = float(lesion["temperature"].strength or 1)
        if "span" in lesion and not site.crosses:
            effect.span = int(lesion["span"].strength or 1)
    if "layers" in lesion:
        for site in named_layers(lesion["layers"], sites, where):
            handle = site.layer.register_forward_hook(_passed_by, with_kwargs=True)
            stack.callback(handle.remove)
    stack.enter_context(changed(network, effects))
    stack.enter_context(_attributes(model, _optimisations(model, lesion)))
    facts = [_fact(change) for change in lesion.changes]
    for fact in facts:
        if fact["kind"] in taken:
            names = [head_name(sites, head) for head in taken[fact["kind"]]]
            fact |= {"heads": names, "of": len(all_heads(sites))}
    return facts


def _fact(change: Change) -> dict[str, Any]:
    return {"kind": change.kind, "strength": change.strength, "seed": change.seed}


def _gate(effect: Effect, site: Site, network: Any) -> Tensor:
    if effect.gate is None:
        effect.gate = torch.ones(site.heads, device=network.device)
    return effect.gate


def _passed_by(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> Any:
    """Return what a layer was given in place of what it made of it."""
    if isinstance(module, TwoStreamLayer):
        return args[:2]
    given = args[0] if args else kwargs["hidden_states"]
    return given if isinstance(output, Tensor) else (given, *output[1:])


def _optimisations(model: LanguageModel, lesion: Lesion) -> dict[str, Any]:
    """Return the shortcuts that a lesion rules out: they would not see it, or put other neighbours in a row."""
    switched: dict[str, Any] = {}
    if hasattr(type(model), "_last_layer"):
        switched["_last_layer"] = None
    if hasattr(type(model), "_branches") and any(kind in lesion for kind in APART):
        switched["_branches"] = False
    return switched


@contextmanager
def _attributes(target: Any, values: dict[str, Any]) -> Iterator[None]:
    """Set attributes of one object for a while."""
    before = {name: target.__dict__[name] for name in values if name in target.__dict__}
    target.__dict__.update(values)
    try:
        yield
    finally:
        for name in values:
            del target.__dict__[name]
        target.__dict__.update(before)


def _reading(stack: ExitStack, model: LanguageModel) -> Reading:
    """Take note of what the network reads, each time that it does."""
    fast = model.tokenizer
    special = {token for side in fast.around for token in side} | {fast.bos} - {None}
    reading = Reading([token for token in special if token is not None], forward=model.left_to_right)

    def note(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        ids = kwargs["input_ids"] if "input_ids" in kwargs else args[0]
        attended = kwargs.get("attention_mask")
        reading.begin(ids, attended if attended is not None and attended.dim() == 2 else None)

    handle = model.head.body.register_forward_pre_hook(note, with_kwargs=True)
    stack.callback(handle.remove)
    return reading
