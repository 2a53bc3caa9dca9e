"""Tokenizers: one that is given with a model, or one trained on the corpus, of words, characters or word pieces."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

Kind = Literal["word", "character", "bpe", "wordpiece"]

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
"""Special tokens of every trained tokenizer; [CLS] begins a text, [SEP] ends it, for causal models as well."""


def train_tokenizer(texts: Iterable[str], kind: Kind, size: int, *, lowercase: bool = False) -> Any:
    """Train a tokenizer on texts.

    Parameters
    ----------
    texts
        The corpus; read once.
    kind
        `word`: words and punctuation marks; `character`; `bpe`: byte-level byte-pair encoding, which knows every
        text (Sennrich et al. 2016; Radford et al. 2019); `wordpiece`: pieces that go on a word begin with ## (Schuster
        & Nakajima 2012; Devlin et al. 2019).
    size
        Tokens at most, the special ones included.
    lowercase
        Read all text in lower case.

    Returns
    -------
    PreTrainedTokenizerFast
        A tokenizer of `transformers`, which `save_pretrained` writes.

    Examples
    --------
    >>> tokenizer = train_tokenizer(["a dog barks .", "a cat sleeps ."], "word", 100)
    >>> tokenizer.tokenize("a dog sleeps .")
    ['a', 'dog', 'sleeps', '.']
    """
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special = list(SPECIAL)
    begin, unknown = SPECIAL[2], SPECIAL[1]
    make_model: dict[str, Any] = {
        "word": lambda: models.WordLevel(unk_token=unknown),
        "character": lambda: models.WordLevel(unk_token=unknown),
        "bpe": models.BPE,
        "wordpiece": lambda: models.WordPiece(unk_token=unknown, max_input_chars_per_word=100),
    }
    make_trainer: dict[str, Any] = {
        "word": trainers.WordLevelTrainer,
        "character": trainers.WordLevelTrainer,
        "bpe": trainers.BpeTrainer,
        "wordpiece": trainers.WordPieceTrainer,
    }
    splitters: dict[str, Any] = {
        "word": pre_tokenizers.BertPreTokenizer,
        "character": lambda: pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated"),
        "bpe": lambda: pre_tokenizers.ByteLevel(add_prefix_space=False),
        "wordpiece": pre_tokenizers.BertPreTokenizer,
    }
    backend = Tokenizer(make_model[kind]())
    steps = [normalizers.NFC(), *([normalizers.Lowercase()] if lowercase else [])]
    backend.normalizer = normalizers.Sequence(steps)
    backend.pre_tokenizer = splitters[kind]()
    options = {"initial_alphabet": pre_tokenizers.ByteLevel.alphabet()} if kind == "bpe" else {}
    trainer = make_trainer[kind](vocab_size=size, special_tokens=special, show_progress=False, **options)
    backend.train_from_iterator(texts, trainer)
    if kind == "bpe":
        backend.decoder = decoders.ByteLevel()
    elif kind == "wordpiece":
        backend.decoder = decoders.WordPiece()
    elif kind == "character":
        backend.decoder = decoders.Fuse()
    ends = [(token, backend.token_to_id(token)) for token in SPECIAL[2:4]]
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ends
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token=SPECIAL[0],
        unk_token=unknown,
        cls_token=begin,
        bos_token=begin,
        sep_token=SPECIAL[3],
        eos_token=SPECIAL[3],
        mask_token=SPECIAL[4],
    )


def load_fast_tokenizer(folder: Path) -> Any:
    """Load a tokenizer that was saved; no code of its own is run."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
