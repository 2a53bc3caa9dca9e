"""Tiny models with random weights: real architectures and tokenizers, made in a second."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import pytest

TEXT = [
    "The cook tasted the soup and added salt.",
    "A tall woman opened the old window.",
    "The children don't like well-known songs; they sing their own!",
    "When it rained, the cat slept under the table (it was warm).",
    "The keys to the cabinet are on the shelf.",
    "猫が窓のそばで眠っている。",
    "料理人は味噌汁に塩を入れた。",
]


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No network, no scores and no study of other tests; converted models and fetched stimuli are shared."""
    from psylm.common.registry import use_study
    from psylm.common.user_cache import cache_folder

    use_study(None)

    folder = tmp_path_factory.mktemp("cache")
    for name in ("models", "stimuli"):
        (cache_folder() / name).mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(cache_folder() / name)
    monkeypatch.setenv("PSYLM_CACHE", str(folder))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def _byte_level(vocabulary: int = 400):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=["<|end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    return tokenizer


@pytest.fixture(scope="session")
def causal_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GPT-2 of two layers with a byte-level BPE vocabulary."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("gpt2")
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=_byte_level(), bos_token="<|end|>", eos_token="<|end|>", unk_token="<|end|>"
    )
    tokenizer.save_pretrained(folder)
    config = GPT2Config(
        vocab_size=len(tokenizer), n_positions=128, n_embd=32, n_layer=2, n_head=2, initializer_range=0.5,
        bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def headless_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GPT-2 whose tokenizer has no beginning-of-sequence token."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    torch.manual_seed(1)
    folder = tmp_path_factory.mktemp("no-bos")
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=_byte_level())
    tokenizer.save_pretrained(folder)
    config = GPT2Config(vocab_size=len(tokenizer), n_positions=64, n_embd=16, n_layer=1, n_head=1)
    GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def masked_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of two layers with a WordPiece vocabulary."""
    import torch
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast

    torch.manual_seed(2)
    folder = tmp_path_factory.mktemp("bert")
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=160, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(TEXT, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]",
        sep_token="[SEP]", mask_token="[MASK]",
    )  # fmt: skip
    fast.save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(fast), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48,
        max_position_embeddings=64, initializer_range=0.5,
    )  # fmt: skip
    BertForMaskedLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def causal(causal_folder: Path):
    """The tiny GPT-2, loaded by its name."""
    from psylm.models import load_model

    return load_model(f"file:{causal_folder}", device="cpu")


@pytest.fixture(scope="session")
def masked(masked_folder: Path):
    """The tiny BERT, loaded by its name."""
    from psylm.models import load_model

    return load_model(f"file:{masked_folder}", device="cpu")


def pieces(special, ending):
    """A SentencePiece-like unigram vocabulary, with special tokens after the text.

    It is counted, not trained: the trainer's own choice of pieces differs from run to run.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = [f"▁{word}" for sentence in TEXT for word in sentence.split()]
    counts = Counter(word[a:b] for word in words for a in range(len(word)) for b in range(a + 1, len(word) + 1))
    letters = [piece for piece in counts if len(piece) == 1]
    longer = [piece for piece in counts if len(piece) > 1 and counts[piece] > 1]
    chosen = sorted(letters) + sorted(longer, key=lambda piece: (-counts[piece] * len(piece), piece))[:60]
    total = sum(counts[piece] for piece in chosen)
    vocabulary = [(token, 0.0) for token in special.values()]
    vocabulary += [(piece, math.log(counts[piece] / total)) for piece in chosen]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=list(special.values()).index(special["unk_token"])))
    tokenizer.add_special_tokens(list(special.values()))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=" ".join(["$A", *ending]), special_tokens=[(token, tokenizer.token_to_id(token)) for token in ending]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, **{key: token for key, token in special.items() if key.endswith("_token")}
    )


@pytest.fixture(scope="session")
def permuted(tmp_path_factory):
    """An XLNet of two layers."""
    import torch
    from transformers import XLNetConfig, XLNetLMHeadModel

    torch.manual_seed(3)
    folder = tmp_path_factory.mktemp("xlnet")
    fast = pieces(
        {"unk_token": "<unk>", "bos_token": "<s>", "sep_token": "<sep>", "cls_token": "<cls>"}, ["<sep>", "<cls>"]
    )
    fast.save_pretrained(folder)
    config = XLNetConfig(
        vocab_size=len(fast), d_model=32, n_layer=2, n_head=2, d_inner=48, initializer_range=0.5, dropout=0.0
    )
    XLNetLMHeadModel(config).save_pretrained(folder)
    from psylm.models import load_model

    return load_model(f"file:{folder}", device="cpu")


@pytest.fixture(scope="session")
def t5(tmp_path_factory):
    """A T5 of two layers."""
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    torch.manual_seed(4)
    folder = tmp_path_factory.mktemp("t5")
    fast = pieces(
        {"pad_token": "<pad>", "unk_token": "<unk>", "eos_token": "</s>", "sentinel": "<extra_id_0>"}, ["</s>"]
    )
    fast.save_pretrained(folder)
    config = T5Config(
        vocab_size=len(fast), d_model=32, d_kv=16, d_ff=48, num_layers=2, num_heads=2, decoder_start_token_id=0,
        pad_token_id=0, eos_token_id=2, initializer_factor=1.5, tie_word_embeddings=False,
    )  # fmt: skip
    T5ForConditionalGeneration(config).save_pretrained(folder)
    from psylm.models import load_model

    return load_model(f"file:{folder}", device="cpu")


@pytest.fixture(scope="session")
def bart(tmp_path_factory):
    """A BART of two layers."""
    import torch
    from transformers import BartConfig, BartForConditionalGeneration

    torch.manual_seed(5)
    folder = tmp_path_factory.mktemp("bart")
    fast = pieces({"pad_token": "<pad>", "unk_token": "<unk>", "eos_token": "</s>", "mask_token": "<mask>"}, ["</s>"])
    fast.save_pretrained(folder)
    config = BartConfig(
        vocab_size=len(fast), d_model=32, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=48, decoder_ffn_dim=48, max_position_embeddings=128, init_std=0.5,
        pad_token_id=0, eos_token_id=2, bos_token_id=2, decoder_start_token_id=2, forced_eos_token_id=2,
    )  # fmt: skip
    BartForConditionalGeneration(config).save_pretrained(folder)
    from psylm.models import load_model

    return load_model(f"file:{folder}", device="cpu")


@pytest.fixture(scope="session")
def llama(causal_folder: Path, tmp_path_factory: pytest.TempPathFactory):
    """A Llama of two layers, four heads and two key-value heads, with GPT-2's tokenizer."""
    import shutil

    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from psylm.models import load_model

    torch.manual_seed(11)
    folder = tmp_path_factory.mktemp("llama") / "model"
    shutil.copytree(causal_folder, folder)
    size = load_model(f"file:{causal_folder}", device="cpu").info.vocabulary
    config = LlamaConfig(
        vocab_size=size, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=128, initializer_range=0.3, bos_token_id=0,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return load_model(f"file:{folder}", device="cpu")


@pytest.fixture(scope="session")
def own_gpt(causal_folder: Path):
    """A GPT of psylm's own with rotary positions and random weights, in the place of a trained one."""
    from dataclasses import replace

    import torch

    from psylm.models import load_model
    from psylm.models.causal import CausalModel
    from psylm.models.memory import Allowance
    from psylm.models.trained import ScratchNetwork
    from psylm.scratch.gpt import GPT
    from psylm.scratch.layers import Shape

    torch.manual_seed(12)
    known = load_model(f"file:{causal_folder}", device="cpu")
    size = known.info.vocabulary
    gpt = GPT(Shape(size, layers=2, width=32, heads=4, context=128, positions="rotary", dropout=0.0, **GPT.defaults))
    for weight in gpt.parameters():
        torch.nn.init.normal_(weight, std=0.2)
    info = replace(known.info, architecture="GPT", window=128)
    return CausalModel(ScratchNetwork(gpt, {}).eval(), known.tokenizer, info, Allowance(512, 512))


@pytest.fixture(scope="session")
def encoder_folder(masked_folder, tmp_path_factory):
    """The tiny BERT without its output layer, and without a pooler."""
    from transformers import AutoTokenizer, BertModel

    folder = tmp_path_factory.mktemp("encoder")
    BertModel.from_pretrained(masked_folder, add_pooling_layer=False).save_pretrained(folder)
    AutoTokenizer.from_pretrained(masked_folder).save_pretrained(folder)
    return folder
