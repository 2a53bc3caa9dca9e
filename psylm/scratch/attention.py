"""Attention: what is selected among competing inputs, and with what weight (Vaswani et al. 2017, section 3.2)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout as drop
from torch.nn.functional import scaled_dot_product_attention

from psylm.scratch.positions import Positions


def scaled_dot_product(
    Q: Tensor,
    K: Tensor,
    V: Tensor,
    mask: Tensor | None = None,
    *,
    bias: Tensor | None = None,
    temperature: float = 1.0,
    dropout: float = 0.0,
) -> tuple[Tensor, Tensor]:
    r"""Attend: :math:`\mathrm{softmax}(QK^\top / \tau\sqrt{d_k} + B)\,V`.

    Parameters
    ----------
    Q
        Queries [..., n, d_k].
    K
        Keys [..., m, d_k].
    V
        Values [..., m, d_v].
    mask
        Boolean [..., n, m], True where a query may attend to a key. A query that may attend to nothing gets zeros.
    bias
        Added to the scores [..., n, m].
    temperature
        τ: below 1 attention is sharper (a narrow spotlight), above 1 flatter.
    dropout
        Share of weights that are dropped.

    Returns
    -------
    values, weights
        What is read [..., n, d_v], and the attention weights A [..., n, m], whose rows sum to 1.

    References
    ----------
    Vaswani et al. (2017), *Attention is all you need*, equation 1.

    Examples
    --------
    >>> one_hot = torch.eye(2)
    >>> _, A = scaled_dot_product(one_hot, 1000 * one_hot, one_hot)
    >>> A.tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    scores = Q @ K.transpose(-2, -1) / (temperature * math.sqrt(Q.shape[-1]))  # [..., n, m]
    if bias is not None:
        scores = scores + bias
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    A = scores.softmax(-1)
    if mask is not None:
        A = A.masked_fill(~mask, 0.0)  # a query that sees nothing: 0, not 0/0
    return drop(A, dropout) @ V, A


class MultiHeadAttention(nn.Module):
    r"""Attention in several subspaces: :math:`\mathrm{Concat}(head_1, …, head_h) W^O`.

    Each :math:`head_i = \mathrm{Attention}(Q W^Q_i, K W^K_i, V W^V_i)`; the heads' matrices are kept side by side.

    Parameters
    ----------
    width
        d_model, of what comes in and goes out.
    heads
        h; each has d_k = d_v = width / h.
    dropout
        Share of attention weights that are dropped while training.

    Attributes
    ----------
    fused
        Use torch's fused kernel, which gives the same values and does not keep the weights; on by default. On a CPU
        short rows are trained in bfloat16 without it, since its backward pass is slow there.
    temperature
        As in `scaled_dot_product`.
    gate
        What each head's output is multiplied by [heads]; 0 is a lesion of the head.

    References
    ----------
    Vaswani et al. (2017), *Attention is all you need*, section 3.2.2.

    Examples
    --------
    >>> attention = MultiHeadAttention(width=8, heads=2)
    >>> attention(torch.randn(3, 5, 8)).shape
    torch.Size([3, 5, 8])
    """

    gate: Tensor

    def __init__(self, width: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width {width} is not a multiple of {heads} heads")
        self.heads = heads
        self.dropout = dropout
        self.fused = True
        self.temperature = 1.0
        self.W_Q = nn.Linear(width, width)
        self.W_K = nn.Linear(width, width)
        self.W_V = nn.Linear(width, width)
        self.W_O = nn.Linear(width, width)
        self.register_buffer("gate", torch.ones(heads), persistent=False)
        self._watcher: Watcher | None = None

    def forward(
        self,
        x: Tensor,
        memory: Tensor | None = None,
        *,
        mask: Tensor | None = None,
        causal: bool = False,
        positions: Positions | None = None,
        at: Tensor | None = None,
        memory_at: Tensor | None = None,
    ) -> Tensor:
        """Let each place of `x` read from `memory`.

        Parameters
        ----------
        x
            Where queries come from [batch, n, width].
        memory
            Where keys and values come from [batch, m, width]; `x` itself by default: self-attention.
        mask
            Boolean, True where attention is allowed, that broadcasts to [batch, heads, n, m].
        causal
            Let no place see a later one, in addition to the mask.
        positions, at, memory_at
            A position encoding that turns queries and keys or biases scores, and the places' positions.

        Returns
        -------
        Tensor [batch, n, width]
        """
        memory = x if memory is None else memory
        Q = self._split(self.W_Q(x))  # [batch, heads, n, d_k]
        K = self._split(self.W_K(memory))  # [batch, heads, m, d_k]
        V = self._split(self.W_V(memory))  # [batch, heads, m, d_v]
        bias = None
        if positions is not None:
            at = torch.arange(x.shape[1], device=x.device) if at is None else at
            memory_at = at if memory_at is None else memory_at
            Q, K = positions.turn(Q, at), positions.turn(K, memory_at)
            bias = positions.bias(at, memory_at, self.heads)
        heads = self._attend(Q, K, V, mask, bias, causal=causal)  # [batch, heads, n, d_v]
        heads = heads * self.gate[:, None, None]
        out: Tensor = self.W_O(heads.transpose(1, 2).flatten(2))  # Concat(head_1, …, head_h) W^O
        return out

    def _split(self, projected: Tensor) -> Tensor:
        """Divide [batch, n, width] among the heads: [batch, heads, n, d_k]."""
        return projected.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def _attend(
        self, Q: Tensor, K: Tensor, V: Tensor, mask: Tensor | None, bias: Tensor | None, *, causal: bool
    ) -> Tensor:
        dropout = self.dropout if self.training else 0.0
        fused = self.fused and self._watcher is None and not _slow_kernel(Q)
        fast = fused and causal and mask is None and bias is None and Q.shape[-2] == K.shape[-2]
        if causal and not fast:
            mask = both(mask, causal_mask(Q.shape[-2], Q.device))
        if fused:
            added = mask
            if bias is not None:
                bias = bias.to(Q.dtype)
                added = bias if mask is None else bias.masked_fill(~mask, -math.inf)
            scale = 1 / (self.temperature * math.sqrt(Q.shape[-1]))
            out: Tensor = scaled_dot_product_attention(Q, K, V, added, dropout, is_causal=fast, scale=scale)
            return out
        heads, A = scaled_dot_product(Q, K, V, mask, bias=bias, temperature=self.temperature, dropout=dropout)
        if self._watcher is not None:
            self._watcher(self, A.detach(), V.detach())
        return heads


SHORT = 256
"""Keys up to which torch's fused kernel loses in training in bfloat16 on a CPU, where its backward pass is slow."""


def _slow_kernel(Q: Tensor) -> bool:
    short = bool(Q.shape[-2] <= SHORT)
    return short and Q.requires_grad and Q.dtype == torch.bfloat16 and Q.device.type == "cpu"


Watcher = Callable[[MultiHeadAttention, Tensor, Tensor], None]
"""Gets the module, its weights A [batch, heads, n, m] and values V [batch, heads, m, d_v]."""


@contextmanager
def watched(model: nn.Module, watcher: Watcher) -> Iterator[None]:
    """Tell a watcher of each attention that a model computes inside the block, as soon as it is there.

    Parameters
    ----------
    model
        Any model of `psylm.scratch`.
    watcher
        Is called in the order in which attention is computed.
    """
    modules = [module for module in model.modules() if isinstance(module, MultiHeadAttention)]
    for module in modules:
        module._watcher = watcher
    try:
        yield
    finally:
        for module in modules:
            module._watcher = None


@contextmanager
def attention_weights(model: nn.Module) -> Iterator[list[Tensor]]:
    """Keep the attention weights of everything that a model computes inside the block.

    Parameters
    ----------
    model
        Any model of `psylm.scratch`.

    Yields
    ------
    list of Tensor
        One [batch, heads, n, m] for each attention, in the order in which they were computed.

    Examples
    --------
    >>> attention = MultiHeadAttention(width=8, heads=2)
    >>> with attention_weights(attention) as weights:
    ...     _ = attention(torch.randn(1, 3, 8), causal=True)
    >>> weights[0].shape, weights[0].sum(-1).allclose(torch.ones(1, 2, 3)), float(weights[0][0, 0, 0, 1])
    (torch.Size([1, 2, 3, 3]), True, 0.0)
    """
    seen: list[Tensor] = []
    with watched(model, lambda _, A, __: seen.append(A)):
        yield seen


def causal_mask(length: int, device: torch.device | None = None) -> Tensor:
    """Return which places may see which [length, length]: each itself and those before it.

    Examples
    --------
    >>> causal_mask(3).int().tolist()
    [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    """
    return torch.ones(length, length, dtype=torch.bool, device=device).tril()


def padding_mask(attended: Tensor) -> Tensor:
    """Return a mask [batch, 1, 1, m] that hides padding from every query; `attended` [batch, m] says what is text."""
    return attended[:, None, None, :]


def two_stream_masks(order: Tensor) -> tuple[Tensor, Tensor]:
    """Return the masks of two-stream attention (Yang et al. 2019) for an order of factorisation.

    Parameters
    ----------
    order
        For each place its rank in the order in which tokens are predicted [batch, n]; places that are given
        from the start share the lowest rank.

    Returns
    -------
    content, query
        Boolean [batch, 1, n, n]. The content stream sees what is predicted before its token and its token itself;
        the query stream, which predicts the token, sees only what comes before it. Places of the lowest rank see
        one another.

    Examples
    --------
    >>> content, query = two_stream_masks(torch.tensor([[0, 2, 1]]))
    >>> content[0, 0].int().tolist(), query[0, 0].int().tolist()
    ([[1, 0, 0], [1, 1, 1], [1, 0, 1]], [[1, 0, 0], [1, 0, 1], [1, 0, 0]])
    """
    given = order == order.amin(-1, keepdim=True)
    before = order[:, None, :] < order[:, :, None]  # [batch, i, j]: j is predicted before i
    before = before | (given[:, :, None] & given[:, None, :])
    itself = torch.eye(order.shape[-1], dtype=torch.bool, device=order.device)
    return (before | itself)[:, None], before[:, None]


def both(mask: Tensor | None, other: Tensor) -> Tensor:
    """Return where two masks both allow attention."""
    return other if mask is None else mask & other
