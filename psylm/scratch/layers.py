"""What every Transformer is made of: a shape, the feed-forward network, a layer and a stack of layers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from psylm.scratch.attention import MultiHeadAttention
from psylm.scratch.positions import Positions, make_positions

Activation = Literal["relu", "gelu", "gelu_tanh"]
PositionKind = Literal["learned", "sinusoidal", "rotary", "alibi", "none"]
POSITIONS: tuple[PositionKind, ...] = get_args(PositionKind)


@dataclass(frozen=True)
class Shape:
    """The size of a model and its variants.

    Parameters
    ----------
    vocabulary
        Tokens.
    layers, width, heads
        Layers, d_model, and attention heads in a layer.
    inner
        d_ff, the width of the feed-forward network; 0 for four times d_model.
    context
        Tokens that are read at a time.
    positions
        `learned`, `sinusoidal`, `rotary`, `alibi` or `none`.
    dropout
        Share of activations that are dropped while training.
    activation
        `relu` (Vaswani et al.), `gelu` (BERT) or its `gelu_tanh` approximation (GPT).
    normalise
        Where LayerNorm stands: `after` each residual sum (Vaswani et al., BERT) or `before` each part (GPT-2).
    epsilon
        Of LayerNorm.
    segments
        Kinds of segments that BERT tells apart; 0 for none.
    """

    vocabulary: int
    layers: int = 4
    width: int = 256
    heads: int = 4
    inner: int = 0
    context: int = 128
    positions: PositionKind = "learned"
    dropout: float = 0.1
    activation: Activation = "gelu"
    normalise: Literal["after", "before"] = "after"
    epsilon: float = 1e-5
    segments: int = 0

    def __post_init__(self) -> None:
        if not self.inner:
            object.__setattr__(self, "inner", 4 * self.width)

    def with_(self, **changes: Any) -> Shape:
        """Return the shape with some of its parts changed."""
        return replace(self, **changes)


class FeedForward(nn.Module):
    r"""The feed-forward network of a layer: :math:`FFN(x) = \max(0, xW_1 + b_1)W_2 + b_2`, or with GELU for max.

    Parameters
    ----------
    width, inner
        d_model and d_ff.
    activation
        As in `Shape`.

    References
    ----------
    Vaswani et al. (2017), *Attention is all you need*, equation 2; Hendrycks & Gimpel (2016) for GELU.
    """

    def __init__(self, width: int, inner: int, activation: Activation = "relu") -> None:
        super().__init__()
        self.W_1 = nn.Linear(width, inner)
        self.W_2 = nn.Linear(inner, width)
        self.activation = make_activation(activation)

    def forward(self, x: Tensor) -> Tensor:
        """Return FFN(x) [..., width]."""
        out: Tensor = self.W_2(self.activation(self.W_1(x)))
        return out


def make_activation(activation: Activation) -> nn.Module:
    """Return an activation by its name."""
    return nn.ReLU() if activation == "relu" else nn.GELU(approximate="tanh" if activation == "gelu_tanh" else "none")


class Layer(nn.Module):
    """Attention and feed-forward network, each with a residual connection and LayerNorm.

    Parameters
    ----------
    shape
        The model's shape.
    cross
        Read from an encoder's output too, between the two (a decoder's layer).
    """

    def __init__(self, shape: Shape, *, cross: bool = False) -> None:
        super().__init__()
        self.before = shape.normalise == "before"
        self.attention = MultiHeadAttention(shape.width, shape.heads, shape.dropout)
        self.attention_norm = nn.LayerNorm(shape.width, shape.epsilon)
        if cross:
            self.cross = MultiHeadAttention(shape.width, shape.heads, shape.dropout)
            self.cross_norm = nn.LayerNorm(shape.width, shape.epsilon)
        self.feed_forward = FeedForward(shape.width, shape.inner, shape.activation)
        self.feed_forward_norm = nn.LayerNorm(shape.width, shape.epsilon)
        self.dropout = nn.Dropout(shape.dropout)

    def forward(
        self,
        x: Tensor,
        *,
        mask: Tensor | None = None,
        causal: bool = False,
        positions: Positions | None = None,
        at: Tensor | None = None,
        memory: Tensor | None = None,
        memory_mask: Tensor | None = None,
    ) -> Tensor:
        """Return the next layer's input [batch, n, width]; arguments as in `MultiHeadAttention`."""
        if self.before:
            seen = self.attention_norm(x)
            x = x + self.dropout(self.attention(seen, mask=mask, causal=causal, positions=positions, at=at))
            if memory is not None:
                x = x + self.dropout(self.cross(self.cross_norm(x), memory, mask=memory_mask))
            out: Tensor = x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))
            return out
        x = self.attention_norm(
            x + self.dropout(self.attention(x, mask=mask, causal=causal, positions=positions, at=at))
        )
        if memory is not None:
            x = self.cross_norm(x + self.dropout(self.cross(x, memory, mask=memory_mask)))
        normed: Tensor = self.feed_forward_norm(x + self.dropout(self.feed_forward(x)))
        return normed


class Stack(nn.Module):
    """Layers on top of one another, with their position encoding.

    Parameters
    ----------
    shape
        The model's shape.
    causal
        Let no place see a later one.
    cross
        Each layer reads from an encoder's output too.
    """

    def __init__(self, shape: Shape, *, causal: bool = False, cross: bool = False) -> None:
        super().__init__()
        self.causal = causal
        self.positions = make_positions(shape.positions, shape.width, shape.context)
        self.layers = nn.ModuleList(Layer(shape, cross=cross) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(shape.width, shape.epsilon) if shape.normalise == "before" else nn.Identity()

    def forward(
        self,
        x: Tensor,
        *,
        mask: Tensor | None = None,
        at: Tensor | None = None,
        memory: Tensor | None = None,
        memory_mask: Tensor | None = None,
    ) -> Tensor:
        """Return the states of the top layer.

        Parameters
        ----------
        x
            Embeddings with their positions added [batch, n, width].
        mask
            Boolean, True where attention is allowed, that broadcasts to [batch, heads, n, n]; given in place of the
            causal mask, not on top of it, for a causal stack.
        at
            Positions [n] or [batch, n]; 0, 1, … by default.
        memory, memory_mask
            An encoder's output [batch, m, width], and what of it may be attended to [batch, 1, 1, m].
        """
        causal = self.causal and mask is None
        for layer in self.layers:
            x = layer(
                x, mask=mask, causal=causal, positions=self.positions, at=at, memory=memory, memory_mask=memory_mask
            )
        out: Tensor = self.norm(x)
        return out


def places(ids: Tensor) -> Tensor:
    """Return positions 0, 1, … of token identities [batch, n]."""
    return torch.arange(ids.shape[1], device=ids.device)


def initialise(model: nn.Module, deviation: float = 0.02) -> None:
    """Draw weights as BERT and GPT do: normal with a deviation of 0.02; biases 0, LayerNorm 1 and 0."""
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=deviation)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
