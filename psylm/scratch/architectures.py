"""Architectures by name, and what each says of itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal, TypeVar

from torch import nn

from psylm.common.errors import PsylmError
from psylm.common.registry import Registry
from psylm.scratch.layers import POSITIONS, PositionKind, Shape

Objective = Literal["causal", "masked", "permuted"]
"""What is predicted: each token from those before it, some from both sides, or each in an order drawn at random."""

OBJECTIVES: tuple[Objective, ...] = ("causal", "masked", "permuted")


class Architecture(nn.Module):
    """A language model made of the lecture's equations.

    A subclass says what it is by the attributes below, and has three methods: `states(ids, …)` gives the top layer's
    states [batch, n, width], `logits(states)` [..., vocabulary], and `loss(batch)` a `psylm.scratch.objectives.Loss`.

    Attributes
    ----------
    family
        Which participant it becomes: `causal`, `masked`, `permuted` or `recurrent` (reads on from a state).
    objective
        Which batches it is trained on.
    defaults
        Parts of `Shape` as its paper has them.
    position_kinds
        Positions that it can have.
    next_sentence
        Whether it is trained on pairs of segments too, and asked if the second follows the first.
    masks_anew
        Of masked models: whether other words are masked at each epoch, or ten ways take turns.
    starts_from
        `model_type` of the models of `transformers` whose weights it can begin with; empty for none.
    shape
        The shape of this one.
    """

    family: ClassVar[str]
    objective: ClassVar[Objective]
    defaults: ClassVar[dict[str, Any]] = {}
    position_kinds: ClassVar[tuple[PositionKind, ...]] = POSITIONS
    next_sentence: ClassVar[bool] = False
    masks_anew: ClassVar[bool] = True
    starts_from: ClassVar[str] = ""
    shape: Shape


Made = TypeVar("Made", bound=type[Architecture])

ARCHITECTURES: Registry[type[Architecture]] = Registry("architecture", package="psylm.scratch", folder="architectures")
"""Every architecture by name: files of `psylm.scratch`, and of the study's own `architectures/`."""


def architecture(name: str) -> Callable[[Made], Made]:
    """Register a class as the architecture of a name.

    Raises
    ------
    PsylmError
        The class does not say which family and objective it has.

    Examples
    --------
    >>> ARCHITECTURES["gpt"].family, ARCHITECTURES["roberta"].next_sentence
    ('causal', False)
    """

    def register(made: Made) -> Made:
        objective = getattr(made, "objective", None)
        if not getattr(made, "family", "") or objective not in OBJECTIVES:
            raise PsylmError(
                f"architecture {name!r}: found the objective {objective!r}; expected a class with a family, and an "
                f"objective out of {', '.join(OBJECTIVES)}"
            )
        ARCHITECTURES.add(name, made)
        return made

    return register


def make_model(name: str, shape: Shape) -> Architecture:
    """Return a model of an architecture, with weights drawn at random.

    Raises
    ------
    InputError
        There is no such architecture.
    """
    return ARCHITECTURES.named(name, "architecture")(shape)
