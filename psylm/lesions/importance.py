"""How much each head matters, by the gradient of what a model makes of texts; and what heads give on average."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from psylm.common.code import LIBRARIES, code_of, versions_of
from psylm.lesions.effects import Effect
from psylm.lesions.reference import reading_queries
from psylm.lesions.sites import Site
from psylm.models.attending import changed
from psylm.models.base import LanguageModel
from psylm.models.query import Row, items_of
from psylm.runs.score_cache import ScoreCache


def head_importance(model: LanguageModel, sites: Sequence[Site], texts: list[str]) -> list[list[float]]:
    r"""Return how much each head matters for the (pseudo-)log-likelihood of texts.

    .. math::
        I_h = \mathbb{E}_{x} \left| \frac{\partial \mathcal{L}(x)}{\partial \xi_h} \right|

    where the gate :math:`\xi_h` multiplies what head h gives, and :math:`\mathcal{L}` is the mean negative
    log-likelihood of the text's tokens, as the model's family predicts them. Each layer's values are divided by
    their Euclidean norm.

    Parameters
    ----------
    model
        An intact model.
    sites
        Its attentions.
    texts
        The texts; the expectation is their mean.

    Returns
    -------
    list of list of float
        One list a site, one number a head.

    References
    ----------
    Michel, Levy & Neubig (2019), *Are sixteen heads really better than one?*, section 4.1; the norm is that of
    Molchanov et al. (2017).
    """
    gates = [torch.ones(site.heads, device=model.network.device, requires_grad=True) for site in sites]
    effects = {site.module: Effect(gate=gate) for site, gate in zip(sites, gates, strict=True)}
    total = [torch.zeros_like(gate) for gate in gates]
    weights = list(model.network.parameters())
    asked = [weight.requires_grad for weight in weights]
    try:
        for weight in weights:
            weight.requires_grad_(False)  # only the gates' gradients are wanted
        with changed(model.network, effects), torch.enable_grad():
            for queries in reading_queries(model, texts):
                loss, tokens = 0.0, 0
                slopes = [torch.zeros_like(gate) for gate in gates]
                for row in model._rows(queries):
                    negative, count = _loss(model, row, queries)
                    loss, tokens = loss + float(negative.detach()), tokens + count
                    mine = torch.autograd.grad(negative, gates)
                    slopes = [slope + new for slope, new in zip(slopes, mine, strict=True)]
                total = [whole + slope.abs() / max(tokens, 1) for whole, slope in zip(total, slopes, strict=True)]
    finally:
        for weight, before in zip(weights, asked, strict=True):
            weight.requires_grad_(before)
    return [(whole / whole.norm().clamp(min=1e-30)).tolist() for whole in total]


def _loss(model: LanguageModel, row: Row, queries: Sequence[Any]) -> tuple[Tensor, int]:
    """Return the summed negative log-likelihood of the tokens that a row predicts, and how many they are."""
    first = [0]
    for query in queries:
        first.append(first[-1] + len(query.at))
    hidden = model._hidden([row])
    items = items_of([row], queries, first, hidden.shape[1])
    device = hidden.device
    logits = model.head(hidden.flatten(0, 1)[items.places.to(device)])
    log_probabilities = logits.float().log_softmax(-1)
    return -log_probabilities.gather(-1, items.tokens.to(device)[:, None]).sum(), len(items.tokens)


def kept_importance(
    model: LanguageModel, sites: Sequence[Site], texts: list[str], *, cache: bool = True
) -> list[list[float]]:
    """Return `head_importance`, from the user's cache where it was computed before and may be kept."""
    if not cache or model.source is None:
        return head_importance(model, sites, texts)
    store, info = ScoreCache(), model.info
    intact = model.source.intact.identity
    random = [] if info.lesion is None else [info.lesion["changes"]]
    code = [code_of(__name__, "psylm.models.load", type(model).__module__), *versions_of(*LIBRARIES)]
    content = ["importance", code, intact, info.architecture, info.dtype, info.device, random, texts]
    key = hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).digest()
    known = store.get([key])
    if key not in known:
        known = {key: json.dumps(head_importance(model, sites, texts))}
        store.put(known)
    values: list[list[float]] = json.loads(known[key])
    return values


def mean_outputs(model: LanguageModel, sites: Sequence[Site], texts: list[str]) -> list[Tensor]:
    """Return what each head gives on average over the tokens of texts, one [heads, d_v] a site."""
    sums: dict[int, Tensor] = {}
    counts: dict[int, int] = {}

    def collector(number: int) -> Any:
        def collect(heads: Tensor) -> Tensor:
            flat = heads.flatten(0, 1)
            sums[number] = sums.get(number, 0) + flat.double().sum(0)
            counts[number] = counts.get(number, 0) + len(flat)
            return heads

        return collect

    effects = {site.module: Effect(after=[collector(number)]) for number, site in enumerate(sites)}
    with changed(model.network, effects), torch.inference_mode():
        for queries in reading_queries(model, texts):
            for row in model._rows(queries):
                model._hidden([row])
    return [(sums[number] / counts[number]).float() for number in range(len(sites))]
