"""Texts that a causal language model writes when it is asked, as a corpus for another model."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from psylm.measures.prompts import prompt_tokens
from psylm.models.base import LanguageModel


def generate_texts(
    model: LanguageModel,
    prompts: Sequence[str],
    *,
    longest: int = 128,
    temperature: float = 0.8,
    least: float = 0.05,
    seed: int = 1,
) -> list[str]:
    """Let a causal model answer prompts, all at the same time.

    Parameters
    ----------
    model
        A causal model of `transformers`; one that has a chat template is asked in it.
    prompts
        What it is asked.
    longest
        Tokens of an answer at most.
    temperature
        Below 1 the model writes what it finds likely more often than it expects it.
    least
        Tokens less probable than this share of the most probable one are never written (min-p; Nguyen et al. 2024).
    seed
        Of what is drawn.

    Returns
    -------
    list of str
        The answers, in order; one that was not over has its last, broken sentence.
    """
    network, tokenizer = model.network, model.tokenizer
    ids = [prompt_tokens(model, prompt, chat=bool(tokenizer.fast.chat_template)) for prompt in prompts]
    width = max(map(len, ids))
    device = network.device
    read = torch.tensor([(tokenizer.filler,) * (width - len(one)) + one for one in ids], device=device)
    attended = torch.tensor([[0] * (width - len(one)) + [1] * len(one) for one in ids], device=device)
    at = (attended.cumsum(-1) - 1).clamp(min=0)
    generator = torch.Generator(device).manual_seed(seed)
    end = tokenizer.fast.eos_token_id
    over = torch.zeros(len(ids), dtype=torch.bool, device=device)
    written, cache = [], None
    with torch.inference_mode():
        for _ in range(longest):
            out = network(
                input_ids=read,
                attention_mask=attended,
                position_ids=at,
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            )
            cache = out.past_key_values
            following = draw(out.logits[:, -1], temperature, least, generator).masked_fill(over, end)
            written.append(following)
            over |= following == end
            if bool(over.all()):
                break
            read, at = following[:, None], at[:, -1:] + 1
            attended = torch.cat([attended, torch.ones_like(read)], 1)
    answers = torch.stack(written, 1).tolist()
    return [tokenizer.text(tuple(one[: one.index(end)] if end in one else one)).strip() for one in answers]


def draw(logits: Tensor, temperature: float, least: float, generator: torch.Generator) -> Tensor:
    """Draw a token from each distribution [rows], by the inverse of its cumulative probabilities.

    Examples
    --------
    >>> logits = torch.log(torch.tensor([[0.5, 0.47, 0.03]]))
    >>> generator = torch.Generator().manual_seed(1)
    >>> drawn = [int(draw(logits, 1.0, 0.1, generator)) for _ in range(200)]
    >>> sorted(set(drawn)), 70 < drawn.count(0) < 130
    ([0, 1], True)
    """
    p = (logits.float() / temperature).softmax(-1)
    p = p.where(p >= least * p.amax(-1, keepdim=True), 0.0)
    up_to = p.cumsum(-1)
    u = torch.rand(len(p), 1, generator=generator, device=p.device) * up_to[:, -1:]
    return torch.searchsorted(up_to, u, right=True).squeeze(1).clamp(max=p.shape[-1] - 1)
