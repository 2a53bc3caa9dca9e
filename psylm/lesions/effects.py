"""What a lesion does at one attention: to the scores before the softmax, and to what the heads give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from psylm.lesions.text_read import TextRead


@dataclass
class Effect:
    """What is done at one attention.

    Parameters
    ----------
    temperature
        τ, by which scores are divided before the softmax, biases for distance included.
    span
        A token sees itself and those less than so many places away, and special tokens; None for no limit.
    gate
        What each head's output is multiplied by [heads].
    fill
        What a head gives as far as its gate is closed [heads, d_v]; zeros by default.
    after
        What is done, last, to what the heads give [batch, n, heads, d_v].
    reading
        What the network reads at the moment.
    """

    temperature: float = 1.0
    span: int | None = None
    gate: Tensor | None = None
    fill: Tensor | None = None
    after: list[Callable[[Tensor], Tensor]] = field(default_factory=list)
    reading: TextRead | None = None

    def close(self, head: int, heads: int) -> None:
        """Close the gate of a head, one of so many."""
        if self.gate is None:
            self.gate = torch.ones(heads)
        self.gate[head] = 0

    def give_instead(self, head: int, means: Tensor) -> None:
        """Let a closed head give its row of `means` [heads, d_v]."""
        self.fill = torch.zeros_like(means) if self.fill is None else self.fill
        self.fill[head] = means[head]

    def given(self, heads: Tensor) -> Tensor:
        """Return what the heads give, changed [batch, n, heads, d_v]."""
        if self.gate is not None:
            gate = self.gate[:, None].to(heads)
            heads = heads * gate
            if self.fill is not None:
                heads = heads + self.fill.to(heads) * (1 - gate)
        for change in self.after:
            heads = change(heads)
        return heads

    def near(self, length: int, device: torch.device) -> Tensor:
        """Return which places may see which under the span: boolean, broadcasts to [batch, heads, n, n]."""
        assert self.span is not None
        place = torch.arange(length, device=device)
        near = (place[:, None] - place[None, :]).abs() < self.span
        special = None if self.reading is None else self.reading.special
        if special is None:
            return near
        return near | special[:, None, None, :]
