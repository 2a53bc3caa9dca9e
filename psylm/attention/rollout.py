"""Attention over several layers: rollout and flow (Abnar & Zuidema 2020)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import maximum_flow

from psylm.attention.maps import Seen, Take, watch
from psylm.attention.places import Look
from psylm.common.errors import PsylmError
from psylm.models.attention_input import SPECIAL, Stream
from psylm.models.base import LanguageModel

PRECISION = 2**24
"""Flow is computed in whole numbers: so many to 1."""

EDGES = 2_000_000
"""Edges of a flow graph at most, layers times the square of tokens: more would take minutes a trial."""


def rollout(maps: np.ndarray) -> np.ndarray:
    r"""Multiply attention through the layers: :math:`R_l = \hat{A}_l R_{l-1}`, with :math:`\hat{A} = (A + I) / 2`.

    Parameters
    ----------
    maps
        Attention of each layer, averaged over heads [layers, n, n].

    Returns
    -------
    ndarray [layers, n, n]
        How much each place at the end of a layer has of each input.

    References
    ----------
    Abnar & Zuidema (2020), Quantifying attention flow in Transformers, ACL,
    https://doi.org/10.18653/v1/2020.acl-main.385.

    Examples
    --------
    >>> rollout(np.array([[[1.0, 0.0], [0.5, 0.5]], [[1.0, 0.0], [0.5, 0.5]]]))[:, 1].tolist()
    [[0.25, 0.75], [0.4375, 0.5625]]
    """
    whole = np.eye(maps.shape[-1])
    layers = []
    for layer in with_residual(maps):
        whole = layer @ whole
        layers.append(whole)
    return np.stack(layers)


def flow(maps: np.ndarray, row: int, inputs: Sequence[Sequence[int]]) -> np.ndarray:
    r"""Compute how much can flow from a place at the top to inputs, with attention as capacity of the way.

    Edges lead from each place of a layer to those that it attends to, with capacity :math:`(A + I) / 2`.

    Parameters
    ----------
    maps
        Attention of each layer, averaged over heads [layers, n, n].
    row
        The place at the top.
    inputs
        Sets of places of the input; the flow to each set is a maximum of its own.

    Returns
    -------
    ndarray
        The maximum flow to each set, from 0 to 1; they do not sum to 1.

    References
    ----------
    Abnar & Zuidema (2020).

    Examples
    --------
    >>> maps = np.array([[[1.0, 0.0], [0.5, 0.5]], [[1.0, 0.0], [0.5, 0.5]]])
    >>> flow(maps, 1, [[0], [1]]).round(3).tolist()
    [0.5, 0.75]
    """
    layers, n, _ = maps.shape
    capacity = np.rint(with_residual(maps) * PRECISION).astype(np.int32)
    layer, above, below = capacity.nonzero()
    # Nodes: place i at the end of layer l is l · n + i, with the input as layer 0; and a sink, which a set leads to.
    sink = (layers + 1) * n
    tail, head = (layer + 1) * n + above, layer * n + below
    found = []
    for places in inputs:
        ends = np.asarray(places, dtype=int)
        capacities = np.concatenate([capacity[layer, above, below], np.full(len(ends), PRECISION, np.int32)])
        edges = np.concatenate([tail, ends]), np.concatenate([head, np.full(len(ends), sink)])
        graph: Any = coo_array((capacities, edges), shape=(sink + 1, sink + 1)).tocsr()
        found.append(maximum_flow(graph, layers * n + row, sink).flow_value / PRECISION if len(ends) else 0.0)
    return np.array(found)


def with_residual(maps: np.ndarray) -> np.ndarray:
    """Add the residual connection, which passes each place on to itself: (A + I) / 2, rows summing to 1."""
    added = (maps + np.eye(maps.shape[-1])) / 2
    summed: np.ndarray = added / added.sum(-1, keepdims=True)
    return summed


def rollout_rows(model: LanguageModel, looks: Sequence[Look]) -> Iterator[tuple[int, np.ndarray]]:
    """Yield each look's number and its query's rollout to words [layers, words + 2], as `selection` takes it."""
    for number, maps, rows, words in token_maps(model, looks):
        reached = rollout(maps)[:, rows].mean(1)
        sets = [*_places(looks[number], words), _special(words), _first(words)]
        yield number, np.stack([reached[:, places].sum(-1) for places in sets], -1)


def flow_rows(model: LanguageModel, looks: Sequence[Look]) -> Iterator[tuple[int, np.ndarray]]:
    """Yield each look's number and the flow from its query to words [words + 2], made to sum to 1.

    Raises
    ------
    PsylmError
        A text is so long that its flow would take minutes.
    """
    for number, maps, rows, words in token_maps(model, looks):
        if maps.size > EDGES:
            raise PsylmError(
                f"text {looks[number].scene.text[:40]!r}…: found {maps.shape[1]} tokens in {len(maps)} layers; "
                f"expected at most {int((EDGES / len(maps)) ** 0.5)} for attention flow, whose graph has all of them"
            )
        sets = [*_places(looks[number], words), _special(words), _first(words)]
        reached = np.mean([flow(maps, row, sets) for row in rows], 0)
        yield number, reached / reached[:-1].sum()


def token_maps(model: LanguageModel, looks: Sequence[Look]) -> Iterator[tuple[int, np.ndarray, list[int], np.ndarray]]:
    """Take whole maps between tokens, averaged over heads.

    Parameters
    ----------
    model
        The model.
    looks
        What is looked at.

    Yields
    ------
    number, maps, rows, words
        A look, its maps [layers, n, n], the query's rows, and the word of each place [n]. XLNet's query stream is a
        place more, at the end, that nothing attends to.

    Raises
    ------
    PsylmError
        The query asks from a decoder: attention there goes through two stacks.
    """
    if any(look.reading.stream == "cross" for look in looks):
        raise PsylmError(
            f"model {model.info.name!r}: rollout and flow go through one stack of self-attention; "
            "expected at: word, which looks at the encoder's, for an encoder-decoder model"
        )
    queries: dict[int, list[np.ndarray]] = {}
    layers: dict[int, list[np.ndarray]] = {}
    if looks and looks[0].reading.stream == "query":
        for _ in watch(model, [look.reading for look in looks], _keep(queries)):
            pass
    whole = [replace(look.reading, rows=tuple(range(look.reading.keys)), stream=_self(look)) for look in looks]
    for numbers in watch(model, whole, _keep(layers)):
        for number in numbers:
            look, n = looks[number], whole[number].keys
            maps = np.stack(layers.pop(number))[:, :n, :n]
            rows, words = list(look.reading.rows), look.words
            if number in queries:
                own = np.stack(queries.pop(number))[:, :1, :n]
                maps = np.pad(np.concatenate([maps, own], 1), ((0, 0), (0, 0), (0, 1)))
                rows, words = [n], np.append(words, look.scene.query)
            yield number, maps, rows, words


def _keep(layers: dict[int, list[np.ndarray]]) -> Take:
    """Collect each reading's layers, averaged over heads."""

    def take(seen: Seen) -> None:
        mean = seen.weights.mean(1).cpu().double().numpy()
        for number, mine in zip(seen.readings, mean, strict=True):
            layers.setdefault(number, []).append(mine)

    return take


def _self(look: Look) -> Stream:
    return "self" if look.reading.stream == "query" else look.reading.stream


def _places(look: Look, words: np.ndarray) -> list[list[int]]:
    return [(words == number).nonzero()[0].tolist() for number in range(len(look.scene.spans))]


def _special(words: np.ndarray) -> list[int]:
    return list((words == SPECIAL).nonzero()[0])


def _first(words: np.ndarray) -> list[int]:
    return [] if words[0] == SPECIAL else [0]
