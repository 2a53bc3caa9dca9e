"""Tiny models with random weights: architectures and tokenizers of every kind, made in a second and from a seed."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

TEXT = """the old cook tasted a thin soup and added salt while children sang well-known songs they don't like
the keys to the cabinet are rusty and a tall woman opened her window before it rained on them
der müde Koch schläft nie über dem Café кошка спит под столом חתול ישן על הספה القط نائم
猫が窓のそばで眠っている。料理人は味噌汁に塩を入れた。猫在窗边睡觉 แมวนอนหลับ 고양이가 잔다 बिल्ली सोती है"""

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
KINDS = ("byte", "fallback", "unigram", "wordpiece", "word")


def _named(backend: Tokenizer, around: str, *, bos: bool = True) -> PreTrainedTokenizerFast:
    ends = [(token, backend.token_to_id(token)) for token in SPECIAL]
    backend.post_processor = processors.TemplateProcessing(single=around, special_tokens=ends)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="<pad>", unk_token="<unk>", mask_token="<mask>", eos_token="</s>",
        sep_token="</s>", cls_token="<s>", **({"bos_token": "<s>"} if bos else {}),
    )  # fmt: skip


def _pieces(mark: str, inside: str, letters: str) -> list[str]:
    """Count pieces of words: every letter, and the longer ones that save most."""
    words = [mark + word for word in TEXT.split()]
    counts = Counter(
        (inside if a and inside else "") + word[a:b]
        for word in words
        for a in range(len(word))
        for b in range(a + 1, len(word) + 1)
    )
    single = sorted(piece for piece in counts if len(piece.removeprefix(inside)) == 1 and set(piece) & set(letters))
    longer = sorted(
        (p for p in counts if len(p.removeprefix(inside)) > 1 and counts[p] > 1), key=lambda p: (-counts[p] * len(p), p)
    )
    return single + longer[:150]


def byte_level() -> Tokenizer:
    """GPT-2's and RoBERTa's kind."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=450,
        special_tokens=list(SPECIAL),
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    backend.train_from_iterator(TEXT.splitlines(), trainer)
    return backend


def fallback() -> Tokenizer:
    """Llama's kind: SentencePiece pieces, and bytes for the letters that it lacks."""
    backend = Tokenizer(models.BPE(unk_token="<unk>"))
    backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    trainer = trainers.BpeTrainer(vocab_size=200, special_tokens=list(SPECIAL), show_progress=False)
    backend.train_from_iterator(TEXT.splitlines()[:2], trainer)
    content = json.loads(backend.to_str())
    vocabulary = content["model"]["vocab"]
    for byte in range(256):
        vocabulary.setdefault(f"<0x{byte:02X}>", len(vocabulary))
    content["model"] |= {"byte_fallback": True, "fuse_unk": True}
    backend = Tokenizer.from_str(json.dumps(content))
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return backend


def unigram() -> Tokenizer:
    """T5's and XLNet's kind."""
    chosen = _pieces("▁", "", TEXT + "▁")
    vocabulary = [(token, 0.0) for token in SPECIAL] + [
        (piece, -math.log(len(chosen)) + len(piece) / 4) for piece in chosen
    ]
    backend = Tokenizer(models.Unigram(vocabulary, unk_id=SPECIAL.index("<unk>")))
    backend.add_special_tokens(list(SPECIAL))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    return backend


def wordpiece() -> Tokenizer:
    """BERT's kind."""
    vocabulary = [*SPECIAL, *dict.fromkeys(_pieces("", "##", TEXT) + sorted(set(".,!?()'-。")))]
    backend = Tokenizer(models.WordPiece({piece: n for n, piece in enumerate(vocabulary)}, unk_token="<unk>"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=True)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece()
    return backend


def word() -> Tokenizer:
    """Whole words: psylm's own training has them."""
    vocabulary = [*SPECIAL, *sorted({*TEXT.split(), *".,!?"})]
    backend = Tokenizer(models.WordLevel({piece: n for n, piece in enumerate(vocabulary)}, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return backend


MAKERS: dict[str, Callable[[], Tokenizer]] = {
    "byte": byte_level, "fallback": fallback, "unigram": unigram, "wordpiece": wordpiece, "word": word,
}  # fmt: skip

SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 96}
LLAMA = SMALL | {"num_key_value_heads": 2, "max_position_embeddings": 96, "head_dim": 16}
CAUSAL = "$A"
BOTH = "<s> $A </s>"

PARTICIPANTS: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "gpt2-byte": ("GPT2LMHeadModel", "byte", CAUSAL, GPT2),
    "gpt2-byte-no-bos": ("GPT2LMHeadModel", "byte", CAUSAL, GPT2),
    "gpt2-wordpiece": ("GPT2LMHeadModel", "wordpiece", CAUSAL, GPT2),
    "llama-fallback": ("LlamaForCausalLM", "fallback", CAUSAL, LLAMA),
    "llama-unigram": ("LlamaForCausalLM", "unigram", CAUSAL, LLAMA),
    "mistral-byte": ("MistralForCausalLM", "byte", CAUSAL, LLAMA | {"sliding_window": 8}),
    "gemma2-fallback": ("Gemma2ForCausalLM", "fallback", CAUSAL, LLAMA | {"sliding_window": 8}),
    "bert-wordpiece": ("BertForMaskedLM", "wordpiece", BOTH, SMALL | {"max_position_embeddings": 96}),
    "bert-unigram": ("BertForMaskedLM", "unigram", BOTH, SMALL | {"max_position_embeddings": 96}),
    "bert-fallback": ("BertForMaskedLM", "fallback", BOTH, SMALL | {"max_position_embeddings": 160}),
    "roberta-byte": ("RobertaForMaskedLM", "byte", BOTH, SMALL | {"max_position_embeddings": 98}),
    "xlnet-unigram": ("XLNetLMHeadModel", "unigram", "$A </s> <s>", {
        "d_model": 32, "n_layer": 2, "n_head": 2, "d_inner": 48, "dropout": 0.0,
    }),
    "bart-byte": ("BartForConditionalGeneration", "byte", BOTH, {
        "d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 2,
        "decoder_attention_heads": 2, "encoder_ffn_dim": 48, "decoder_ffn_dim": 48, "max_position_embeddings": 256,
        "decoder_start_token_id": 2, "forced_eos_token_id": 2,
    }),
    "gpt-word": ("GPT", "word", BOTH, {}),
    "lstm-word": ("LSTM", "word", BOTH, {}),
}  # fmt: skip
"""Each one's class, tokenizer, special tokens around a text, and sizes."""


def make(name: str, folder: Path, seed: int) -> str:
    """Write a participant into a folder, its weights drawn at random; return the name that psylm loads it by."""
    import transformers

    architecture, kind, around, sizes = PARTICIPANTS[name]
    fast = _named(MAKERS[kind](), around, bos=not name.endswith("no-bos"))
    torch.manual_seed(seed)
    if not hasattr(transformers, architecture):
        return _scratch(architecture, fast, folder)
    made = getattr(transformers, architecture)
    config = made.config_class(vocab_size=len(fast), pad_token_id=1, bos_token_id=0, eos_token_id=2, **sizes)
    network = made(config)
    _spread(network)
    network.save_pretrained(folder)
    fast.save_pretrained(folder)
    return f"file:{folder}"


def _scratch(architecture: str, fast: Any, folder: Path) -> str:
    from psylm.models.checkpoints import save_model
    from psylm.scratch.architectures import ARCHITECTURES, make_model
    from psylm.scratch.layers import Shape

    known = architecture.lower()
    shape = Shape(len(fast), layers=2, width=32, heads=2, context=96, dropout=0.0, **ARCHITECTURES[known].defaults)
    network = make_model(known, shape)
    _spread(network)
    fast.save_pretrained(folder / "tokenizer")
    save_model(network, folder / "checkpoints" / "00000001", {"architecture": known, "step": 1, "tokens": 1, "seed": 0})
    return f"scratch:{folder}"


def _spread(network: Any) -> None:
    """Draw weights that are large enough for every difference to show."""
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=0.3)
