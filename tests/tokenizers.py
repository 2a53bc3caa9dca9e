"""A tiny causal model for each kind of tokenizer: byte-level BPE, BPE with byte fallback, unigram, T5's, WordPiece."""

from __future__ import annotations

import pytest

from tests.conftest import TEXT, pieces

KINDS = ("byte-level", "byte-fallback", "unigram", "spaces-apart", "wordpiece")


def byte_fallback(words=(), merges=()):
    """Llama's kind: SentencePiece BPE whose missing characters are written in bytes, words marked with ▁."""
    from tokenizers import Tokenizer, decoders, models, normalizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {token: number for number, token in enumerate(["<unk>", "<s>", "</s>"])}
    for piece in [*(f"<0x{byte:02X}>" for byte in range(256)), *words, *("".join(pair) for pair in merges)]:
        vocabulary.setdefault(piece, len(vocabulary))
    backend = Tokenizer(
        models.BPE(vocabulary, list(merges), unk_token="<unk>", byte_fallback=True, fuse_unk=True, dropout=None)
    )
    backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>", bos_token="<s>", eos_token="</s>")


MERGES = [("▁", "▁"), ("h", "e"), ("▁", "t"), ("▁t", "he"), ("▁", "s"), ("o", "u"), ("ou", "p"), ("▁", "猫"),
          ("が", "窓"), ("で", "眠"), ("▁", "a"), (".", "\n")]  # fmt: skip


def made(kind):
    special = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}
    if kind == "byte-fallback":
        return byte_fallback(["▁", *"abcdefghijklmnoprstuwy.,'\n猫が窓で眠の"], MERGES)
    if kind in ("unigram", "spaces-apart"):
        fast = pieces(special, [])
        if kind == "spaces-apart":
            from tokenizers import pre_tokenizers

            fast.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
                [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
            )
        return fast
    from psylm.training.vocabulary import train_tokenizer

    return train_tokenizer(TEXT, "wordpiece" if kind == "wordpiece" else "bpe", 160 if kind == "wordpiece" else 420)


def tiny(fast, folder, seed=8):
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    from psylm.models import load_model

    torch.manual_seed(seed)
    fast.save_pretrained(folder)
    config = GPT2Config(
        vocab_size=len(fast), n_positions=256, n_embd=16, n_layer=1, n_head=2, initializer_range=0.4,
        bos_token_id=fast.bos_token_id, eos_token_id=fast.eos_token_id,
    )  # fmt: skip
    GPT2LMHeadModel(config).save_pretrained(folder)
    return load_model(f"file:{folder}", device="cpu")


@pytest.fixture(scope="session")
def kinds(tmp_path_factory):
    return {kind: tiny(made(kind), tmp_path_factory.mktemp(kind)) for kind in KINDS}
