"""BERT and RoBERTa: bidirectional encoders that fill in masked words (Devlin et al. 2019; Liu et al. 2019)."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy as torch_cross_entropy

from psylm.scratch.architectures import Architecture, architecture
from psylm.scratch.attention import padding_mask
from psylm.scratch.layers import Shape, Stack, initialise, make_activation, places
from psylm.scratch.masking import MaskedBatch
from psylm.scratch.objectives import Loss, cross_entropy


@architecture("bert")
class BERT(Architecture):
    """Predicts masked tokens from both sides, and whether the second of two segments follows the first.

    A token's embedding is the sum of its own, its position's and its segment's.

    Parameters
    ----------
    shape
        The model's shape; BERT-base's is `Shape(30522, layers=12, width=768, heads=12, context=512, epsilon=1e-12,
        segments=2)`.

    References
    ----------
    Devlin et al. (2019), *BERT: Pre-training of deep bidirectional transformers for language understanding*.

    Examples
    --------
    >>> bert = BERT(Shape(100, layers=2, width=16, heads=2, **BERT.defaults))
    >>> bert.logits(bert.states(torch.tensor([[2, 50, 4, 60, 3]]))).shape
    torch.Size([1, 5, 100])
    """

    family = "masked"
    objective = "masked"
    next_sentence = True
    masks_anew = False
    starts_from = "bert"
    defaults: ClassVar = {"epsilon": 1e-12, "segments": 2}

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        if shape.segments:
            self.segment = nn.Embedding(shape.segments, shape.width)
        self.embedding_norm = nn.LayerNorm(shape.width, shape.epsilon)
        self.dropout = nn.Dropout(shape.dropout)
        self.stack = Stack(shape)
        # the masked-LM head: a transform, then the embedding as output layer, with a bias of its own
        self.transform = nn.Linear(shape.width, shape.width)
        self.transform_activation = make_activation(shape.activation)
        self.transform_norm = nn.LayerNorm(shape.width, shape.epsilon)
        self.output_bias = nn.Parameter(torch.zeros(shape.vocabulary))
        if self.next_sentence:
            self.pooler = nn.Linear(shape.width, shape.width)
            self.is_next = nn.Linear(shape.width, 2)
        initialise(self)

    def states(
        self, ids: Tensor, attended: Tensor | None = None, at: Tensor | None = None, segments: Tensor | None = None
    ) -> Tensor:
        """Return the top layer's states [batch, n, width].

        Parameters
        ----------
        ids
            Token identities [batch, n].
        attended
            Boolean [batch, n], False at padding; None without padding.
        at
            Positions [n] or [batch, n]; 0, 1, … by default.
        segments
            Segment of each token [batch, n]; all 0 by default.
        """
        at = places(ids) if at is None else at
        x = self.stack.positions(self.embedding(ids), at)  # [batch, n, width]
        if self.shape.segments:
            x = x + self.segment(torch.zeros_like(ids) if segments is None else segments)
        x = self.dropout(self.embedding_norm(x))
        mask = None if attended is None else padding_mask(attended.bool())
        states: Tensor = self.stack(x, mask=mask, at=at)
        return states

    def logits(self, states: Tensor) -> Tensor:
        """Return logits [..., vocabulary] of the masked-LM head."""
        transformed = self.transform_norm(self.transform_activation(self.transform(states)))
        return nn.functional.linear(transformed, self.embedding.weight, self.output_bias)

    def next_logits(self, states: Tensor) -> Tensor:
        """Return logits [batch, 2] of the second segment following the first (0) or not (1), from the first token."""
        out: Tensor = self.is_next(torch.tanh(self.pooler(states[:, 0])))
        return out

    def loss(self, batch: MaskedBatch) -> Loss:
        """Return the summed cross-entropy of the selected tokens, and the mean one of next-sentence prediction.

        Logits are computed where a token was selected only.
        """
        states = self.states(batch.ids, batch.attended, segments=batch.segments)
        loss = cross_entropy(self.logits(states[batch.selected]), batch.targets)
        if batch.follows is None or not self.next_sentence:
            return loss
        return loss._replace(extra=torch_cross_entropy(self.next_logits(states), (~batch.follows).long()))


@architecture("roberta")
class RoBERTa(BERT):
    """BERT without segments and next-sentence prediction; trained on full sentences, masked anew each time.

    References
    ----------
    Liu et al. (2019), *RoBERTa: A robustly optimized BERT pretraining approach*.
    """

    next_sentence = False
    masks_anew = True
    defaults: ClassVar = {"epsilon": 1e-5}
