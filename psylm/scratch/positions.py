"""Position encodings: how the order of words enters a model that sees a set of them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

BASE = 10_000.0
"""The slowest wave's length is 2π times this."""


def frequencies(width: int) -> Tensor:
    r"""Return the angular frequencies :math:`ω_i = 10000^{-2i/d}` of sinusoidal and rotary encodings [width / 2]."""
    return BASE ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)


def sinusoidal(length: int, width: int) -> Tensor:
    r"""Return the sinusoidal encoding of positions 0 to length - 1 [length, width].

    :math:`PE_{(pos, 2i)} = \sin(pos / 10000^{2i/d})` and :math:`PE_{(pos, 2i+1)} = \cos(pos / 10000^{2i/d})`.

    Parameters
    ----------
    length
        Number of positions.
    width
        d_model; even.

    References
    ----------
    Vaswani et al. (2017), *Attention is all you need*, section 3.5.

    Examples
    --------
    >>> sinusoidal(2, 4).round(decimals=4).tolist()
    [[0.0, 1.0, 0.0, 1.0], [0.841..., 0.540..., 0.0099..., 1.0]]
    """
    if width % 2:
        raise ValueError(f"a sine and a cosine for each frequency need an even width, not {width}")
    angles = torch.arange(length, dtype=torch.float64)[:, None] * frequencies(width)  # [length, width / 2]
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(1).float()


class Positions(nn.Module):
    """No position encoding: a model with it sees a bag of words, but for what a causal mask gives away.

    The other encodings say what they change: they add to the embeddings (`forward`), turn queries and keys (`turn`),
    or bias attention scores (`bias`). Positions are a tensor `at`, [n] or [batch, n].
    """

    def forward(self, x: Tensor, at: Tensor) -> Tensor:
        """Return embeddings [batch, n, width] with their positions in them."""
        return x

    def turn(self, heads: Tensor, at: Tensor) -> Tensor:
        """Return queries or keys [batch, heads, n, d_k] with their positions in them."""
        return heads

    def bias(self, at: Tensor, memory_at: Tensor, heads: int) -> Tensor | None:
        """Return what is added to attention scores, [heads, n, m] or [batch, heads, n, m], or None."""
        return None


class Sinusoidal(Positions):
    """Adds waves of geometrically growing length (Vaswani et al. 2017): nothing is learned, no text too long."""

    table: Tensor

    def __init__(self, width: int, length: int) -> None:
        super().__init__()
        self.register_buffer("table", sinusoidal(length, width), persistent=False)

    def forward(self, x: Tensor, at: Tensor) -> Tensor:
        """Return x + PE(at)."""
        if int(at.max()) >= len(self.table):
            self.table = sinusoidal(2 * int(at.max()) + 1, x.shape[-1]).to(x.device)
        return x + self.table[at].to(x.dtype)


class Learned(Positions):
    """Adds a learned vector for each position (BERT, GPT): what comes after the last one cannot be read."""

    def __init__(self, width: int, length: int) -> None:
        super().__init__()
        self.table = nn.Embedding(length, width)

    def forward(self, x: Tensor, at: Tensor) -> Tensor:
        """Return x + table[at]."""
        out: Tensor = x + self.table(at)
        return out


class Rotary(Positions):
    r"""Turns each pair of dimensions of queries and keys by an angle in proportion to the position.

    :math:`\langle R_m q, R_n k\rangle = \langle q, R_{n-m} k\rangle`: a score depends on the distance alone.

    References
    ----------
    Su et al. (2021), *RoFormer: Enhanced transformer with rotary position embedding*.

    Examples
    --------
    >>> q, k = torch.randn(1, 1, 1, 8), torch.randn(1, 1, 1, 8)
    >>> score = lambda m, n: Rotary().turn(q, torch.tensor([m])) @ Rotary().turn(k, torch.tensor([n])).mT
    >>> torch.allclose(score(3, 5), score(10, 12), atol=1e-5)
    True
    """

    def turn(self, heads: Tensor, at: Tensor) -> Tensor:
        """Return R_at · heads."""
        angles = at[..., None] * frequencies(heads.shape[-1]).to(heads.device)  # [..., n, d_k / 2]
        cos, sin = angles.cos().to(heads.dtype), angles.sin().to(heads.dtype)
        if at.dim() == 2:
            cos, sin = cos[:, None], sin[:, None]  # the same for every head
        even, odd = heads[..., 0::2], heads[..., 1::2]
        return torch.stack([even * cos - odd * sin, even * sin + odd * cos], -1).flatten(-2)


class ALiBi(Positions):
    """Takes from each score a multiple of the distance, steeper in some heads than in others.

    References
    ----------
    Press, Smith & Lewis (2022), *Train short, test long*.

    Examples
    --------
    >>> ALiBi().bias(torch.arange(3), torch.arange(3), heads=2)[0].tolist()
    [[-0.0, -0.0625, -0.125], [-0.0625, -0.0, -0.0625], [-0.125, -0.0625, -0.0]]
    """

    def bias(self, at: Tensor, memory_at: Tensor, heads: int) -> Tensor:
        """Return -slope · distance; head h of H has slope 2^(-8h/H)."""
        slopes = 2.0 ** (-8 * torch.arange(1, heads + 1, device=at.device) / heads)
        distance = (at[..., :, None] - memory_at[..., None, :]).abs()  # [..., n, m]
        return -slopes[:, None, None] * distance[..., None, :, :]


def make_positions(kind: str, width: int, length: int) -> Positions:
    """Return a position encoding by its name: `sinusoidal`, `learned`, `rotary`, `alibi` or `none`."""
    if kind in ("sinusoidal", "learned"):
        return (Sinusoidal if kind == "sinusoidal" else Learned)(width, length)
    return {"rotary": Rotary, "alibi": ALiBi, "none": Positions}[kind]()


def gram(functions: Tensor) -> Tensor:
    r"""Return the inner products of functions over positions, each pair's divided by their norms.

    Parameters
    ----------
    functions
        Values at positions [positions, functions].

    Returns
    -------
    Tensor [functions, functions]
        The identity where they are orthogonal. Waves of whole numbers of cycles are, over their common period
        (Fourier); the geometric frequencies of a position encoding have no common period, and are so nearly.

    Examples
    --------
    >>> gram(fourier(16, 6)).round(decimals=4).abs().equal(torch.eye(6))
    True
    """
    unit = functions / functions.norm(dim=0)
    return unit.T @ unit


def fourier(period: int, count: int) -> Tensor:
    """Return sines and cosines of 1, 2, … cycles a period, at each of its positions [period, count]."""
    cycles = torch.arange(1, count // 2 + 1, dtype=torch.float64)
    angles = 2 * torch.pi * torch.arange(period, dtype=torch.float64)[:, None] * cycles / period
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(1).float()


def shift_product(width: int, shifts: Tensor) -> Tensor:
    r"""Return :math:`PE(pos)·PE(pos+k)`, which is :math:`\sum_i \cos(ω_i k)` whatever the position [shifts].

    Examples
    --------
    >>> table = sinusoidal(100, 16)
    >>> [round(float(table[pos] @ table[pos + 7]), 4) for pos in (0, 30, 92)] == [
    ...     round(float(shift_product(16, torch.tensor([7]))), 4)] * 3
    True
    """
    return (shifts[:, None] * frequencies(width)).cos().sum(-1).float()


def rotation(width: int, shift: int) -> Tensor:
    """Return the matrix that maps PE(pos) to PE(pos + shift) for every position: it turns each pair [width, width].

    Examples
    --------
    >>> table = sinusoidal(50, 8)
    >>> torch.allclose(table[:40] @ rotation(8, 10).T, table[10:], atol=1e-5)
    True
    """
    matrix = torch.zeros(width, width, dtype=torch.float64)
    for i, angle in enumerate(shift * frequencies(width)):
        cos, sin = angle.cos(), angle.sin()
        pair = torch.stack([torch.stack([cos, sin]), torch.stack([-sin, cos])])
        matrix[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = pair
    return matrix.float()
