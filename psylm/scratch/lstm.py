"""LSTM language model: a recurrent network that reads from left to right (Hochreiter & Schmidhuber 1997)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from psylm.scratch.architectures import Architecture, architecture
from psylm.scratch.layers import Shape, initialise
from psylm.scratch.objectives import CausalBatch, Loss, cross_entropy


class LSTMCell(nn.Module):
    r"""One step of an LSTM, written out; `LSTM` runs torch's own over a whole text, which computes the same.

    Parameters
    ----------
    network
        An `nn.LSTM` of one layer, whose weights are used.

    References
    ----------
    Hochreiter & Schmidhuber (1997), *Long short-term memory*; Gers, Schmidhuber & Cummins (2000) for the forget gate.
    """

    def __init__(self, network: nn.LSTM) -> None:
        super().__init__()
        self.W, self.U = network.weight_ih_l0, network.weight_hh_l0
        self.b = network.bias_ih_l0 + network.bias_hh_l0

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        r"""Return the next hidden state and cell.

        .. math:: c_t = f \odot c_{t-1} + i \odot \tilde c, \qquad h_t = o \odot \tanh(c_t)

        Parameters
        ----------
        x
            Input [batch, width].
        h, c
            Hidden state and cell [batch, width].
        """
        i, f, g, o = (x @ self.W.T + h @ self.U.T + self.b).chunk(4, dim=-1)  # input, forget, candidate, output
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


@architecture("lstm")
class LSTM(Architecture):
    """Predicts each token from a state that carries what was read before.

    Parameters
    ----------
    shape
        Vocabulary, layers, width and dropout are used; heads, positions and the rest are a Transformer's.

    Examples
    --------
    >>> lstm = LSTM(Shape(100, layers=2, width=16))
    >>> lstm.logits(lstm.states(torch.tensor([[5, 6, 7]]))).shape
    torch.Size([1, 3, 100])
    """

    family = "recurrent"
    objective = "causal"

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.dropout = nn.Dropout(shape.dropout)
        between = shape.dropout if shape.layers > 1 else 0.0
        self.recurrent = nn.LSTM(shape.width, shape.width, shape.layers, batch_first=True, dropout=between)
        self.output_bias = nn.Parameter(torch.zeros(shape.vocabulary))
        initialise(self)

    def states(self, ids: Tensor, mask: Tensor | None = None, at: Tensor | None = None) -> Tensor:
        """Return the top layer's states [batch, n, width] of tokens [batch, n]; order is all it knows of position."""
        states, _ = self.recurrent(self.dropout(self.embedding(ids)))
        out: Tensor = self.dropout(states)
        return out

    def logits(self, states: Tensor) -> Tensor:
        """Return logits [..., vocabulary]: the embedding is the output layer too."""
        return nn.functional.linear(states, self.embedding.weight, self.output_bias)

    def loss(self, batch: CausalBatch) -> Loss:
        """Return the summed cross-entropy of every token after the first of each row."""
        return cross_entropy(self.logits(self.states(batch.ids[:, :-1])), batch.ids[:, 1:])
