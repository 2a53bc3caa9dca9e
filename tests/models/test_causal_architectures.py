"""Causal models of every kind of attention and state against `transformers`' own logits, one text at a time."""

from __future__ import annotations

import math
import shutil

import pytest
import torch

from psylm.common.errors import PsylmError
from psylm.models import load_model
from psylm.models.load import load_unverified
from psylm.models.names import ModelSource
from psylm.models.query import Query

pytestmark = pytest.mark.slow


SMALL = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 64,
    "initializer_range": 0.3,
}
TWO_WINDOWS = {**SMALL, "sliding_window": 16, "layer_types": ["sliding_attention", "full_attention"]}
MOE = {"num_local_experts": 4, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 24}
MAMBA = {"mamba_d_state": 8, "mamba_n_heads": 8, "mamba_d_head": 8, "mamba_n_groups": 1, "mamba_chunk_size": 8}
LINEAR = {
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
    "layer_types": ["linear_attention", "full_attention"],
}
DECODER = {
    "d_model": 32,
    "decoder_layers": 2,
    "decoder_attention_heads": 4,
    "decoder_ffn_dim": 48,
    "max_position_embeddings": 64,
    "init_std": 0.3,
    "encoder_layers": 2,
    "encoder_attention_heads": 4,
    "encoder_ffn_dim": 48,
    "pad_token_id": 1,
}
BERT = {name: SMALL[name] for name in SMALL if name not in ("num_key_value_heads", "head_dim")} | {"is_decoder": True}
GPT2 = {"n_positions": 64, "n_embd": 32, "n_layer": 2, "n_head": 4, "initializer_range": 0.3}

PLAIN = {
    "gpt2": GPT2,
    "llama": SMALL,
    "qwen2": SMALL,
    "gpt_neox": {name: SMALL[name] for name in SMALL if name not in ("num_key_value_heads", "head_dim")},
    "olmo2": SMALL,
    "cohere": SMALL,
    "gemma": SMALL,
    "granite": {**SMALL, "logits_scaling": 4.0, "embedding_multiplier": 2.0},
    "mixtral": {**SMALL, **MOE},
    "opt": {**SMALL, "ffn_dim": 48, "word_embed_proj_dim": 32, "init_std": 0.3},
    "gptj": GPT2 | {"rotary_dim": 4},
}
"""Attention that sees all that comes before: what sequences have in common is read once."""

WINDOWED = {
    "mistral": {**SMALL, "sliding_window": 16},
    "phi3": {**SMALL, "sliding_window": 16, "pad_token_id": 0},
    "gemma2": {**SMALL, "sliding_window": 16, "query_pre_attn_scalar": 8},
    "gemma3_text": TWO_WINDOWS,
    "gpt_oss": {**TWO_WINDOWS, **MOE},
    "olmo3": TWO_WINDOWS,
    "starcoder2": {**SMALL, "sliding_window": 16},
    "qwen2": {**TWO_WINDOWS, "use_sliding_window": True, "max_window_layers": 0},
    "cohere2": TWO_WINDOWS,
    "modernbert-decoder": {**SMALL, "local_attention": 16, "global_attn_every_n_layers": 2, "pad_token_id": 0},
    "exaone4": TWO_WINDOWS,
    "llama4_text": {
        **SMALL, **MOE, "attention_chunk_size": 16, "intermediate_size_mlp": 48, "pad_token_id": 0,
        "layer_types": ["chunked_attention", "full_attention"], "no_rope_layers": [1, 0],
    },
    "gpt_neo": {
        "hidden_size": 32, "intermediate_size": 48, "num_layers": 2, "num_heads": 4, "max_position_embeddings": 64,
        "initializer_range": 0.3, "window_size": 16, "attention_types": [[["global", "local"], 1]],
    },
}  # fmt: skip
"""Attention that sees some tokens back, in some layers or in all."""

UNBRANCHED = {
    "bloom": {"hidden_size": 32, "n_layer": 2, "n_head": 4, "initializer_range": 0.3},
    "falcon": {name: SMALL[name] for name in SMALL if name != "head_dim"} | {"alibi": True},
    "mpt": {"d_model": 32, "n_layers": 2, "n_heads": 4, "max_seq_len": 64, "initializer_range": 0.3},
    "openai-gpt": GPT2,
    "codegen": GPT2 | {"rotary_dim": 4},
    "ctrl": GPT2 | {"dff": 48},
    "xglm": {"d_model": 32, "num_layers": 2, "attention_heads": 4, "ffn_dim": 48, "max_position_embeddings": 64},
    "biogpt": {name: SMALL[name] for name in SMALL if name not in ("num_key_value_heads", "head_dim")},
    "bart": DECODER,
    "marian": DECODER | {"decoder_vocab_size": None},
    "whisper": DECODER | {"max_target_positions": 64, "num_mel_bins": 8},
    "bert": BERT,
    "roberta": BERT,
    "xlm-roberta-xl": BERT,
    "bert-generation": BERT,
}
"""Distances and positions that are counted in ways of their own, and decoders of other models."""

RECURRENT = {
    "mamba": {"hidden_size": 32, "state_size": 8, "num_hidden_layers": 2, "initializer_range": 0.3},
    "mamba2": {
        "hidden_size": 32, "state_size": 8, "num_heads": 8, "head_dim": 8, "n_groups": 1, "chunk_size": 8,
        "num_hidden_layers": 2,
    },
    "falcon_mamba": {"hidden_size": 32, "state_size": 8, "num_hidden_layers": 2, "initializer_range": 0.3},
    "rwkv": {"hidden_size": 32, "num_hidden_layers": 2, "context_length": 64},
    "recurrent_gemma": {**SMALL, "lru_width": 32, "num_hidden_layers": 3, "attention_window_size": 16},
    "jamba": {**SMALL, **MOE, "mamba_d_state": 8, "mamba_dt_rank": 4, "attn_layer_period": 2, "attn_layer_offset": 1},
    "bamba": {**SMALL, **MAMBA, "attn_layer_indices": [1]},
    "falcon_h1": {**SMALL, **MAMBA, "mamba_d_ssm": 64},
    "granitemoehybrid": {
        **SMALL, **MOE, **MAMBA, "shared_intermediate_size": 24, "layer_types": ["linear_attention", "full_attention"],
    },
    "zamba": {
        **SMALL, "num_hidden_layers": 4, "n_mamba_heads": 2, "mamba_d_state": 8, "mamba_dt_rank": 4,
        "num_key_value_heads": 4, "layers_block_type": ["linear_attention", "hybrid"] * 2,
    },
    "zamba2": {
        **SMALL, "num_hidden_layers": 4, "n_mamba_heads": 8, "mamba_d_state": 8, "mamba_ngroups": 1, "chunk_size": 8,
        "num_key_value_heads": 4, "layers_block_type": ["linear_attention", "hybrid"] * 2,
    },
    "lfm2": {**SMALL, "layer_types": ["conv", "full_attention"], "block_multiple_of": 8},
    "qwen3_next": {**SMALL, **MOE, **LINEAR, "shared_expert_intermediate_size": 24},
    "olmo_hybrid": {**SMALL, **LINEAR, "pad_token_id": 0},
    "nemotron_h": {
        **SMALL, "ssm_state_size": 8, "mamba_num_heads": 8, "mamba_head_dim": 8, "n_groups": 1, "chunk_size": 8,
        "layers_block_type": ["linear_attention", "full_attention"],
    },
    "minimax": {**SMALL, **MOE, "layer_types": ["linear_attention", "full_attention"], "block_size": 8},
    "xlstm": {"hidden_size": 32, "num_heads": 4, "num_blocks": 2, "num_hidden_layers": 2},
}  # fmt: skip
"""A state that runs through the text, alone or beside attention."""

KINDS = {"plain": PLAIN, "windowed": WINDOWED, "unbranched": UNBRANCHED, "recurrent": RECURRENT}
EVERY = [pytest.param(kind, name, id=f"{kind}-{name}") for kind, cases in KINDS.items() for name in cases]


def tokens(count, seed):
    return tuple(torch.randint(5, 390, (count,), generator=torch.Generator().manual_seed(seed)).tolist())


COMMON = tokens(24, 1)
BRANCHING = [COMMON + tokens(count, count) for count in (4, 6, 5, 9, 7)]
UNEQUAL = [tokens(count, count) for count in (30, 7, 3, 19, 2)]


def made(name, settings, causal_folder, folder):
    """Save a model of an architecture, with weights drawn at random and GPT-2's tokenizer, and load it."""
    from transformers import CONFIG_MAPPING, AutoModelForCausalLM

    torch.manual_seed(0)
    shutil.copytree(causal_folder, folder, ignore=shutil.ignore_patterns("*.safetensors", "config.json"))
    size = load_model(f"file:{causal_folder}", device="cpu").info.vocabulary
    config = CONFIG_MAPPING[name](vocab_size=size, bos_token_id=0, eos_token_id=0, **settings)
    AutoModelForCausalLM.from_config(config, dtype=torch.float32).save_pretrained(folder)
    return load_unverified(ModelSource.of(f"file:{folder}"), device="cpu")  # some are not on the list: parts of others


@pytest.fixture(scope="module")
def architecture(causal_folder, tmp_path_factory):
    """Makes each architecture once."""
    kept = {}

    def get(kind, name):
        if (kind, name) not in kept:
            folder = tmp_path_factory.mktemp(name) / "model"
            kept[kind, name] = made(name, KINDS[kind][name], causal_folder, folder)
        return kept[kind, name]

    return get


def every_token(ids):
    """A query for each token of a sequence but the first."""
    return Query(ids, tuple(range(1, len(ids))), ids[1:])


def bits(model, sequences):
    """Surprisal of every token but the first, of sequences that are asked together."""
    return answers(model, [every_token(ids) for ids in sequences])


def answers(model, queries):
    """Surprisal of what is asked."""
    found = model.predict(queries, lambda distributions, places, asked: distributions.log_probability(places, asked))
    return [-values / math.log(2) for values in found]


def own_bits(model, ids):
    """Surprisal of every token but the first by the network itself."""
    return own_answers(model, every_token(ids))


def own_answers(model, query):
    """Surprisal of what is asked by the network itself, which reads one sequence and nothing else."""
    with torch.inference_mode():
        logits = model.network(input_ids=torch.tensor([query.ids]), use_cache=False).logits[0].double()
    return -logits.log_softmax(-1)[[at - 1 for at in query.at], list(query.tokens)].numpy() / math.log(2)


@pytest.mark.parametrize(("kind", "name"), EVERY)
@pytest.mark.parametrize("company", ["alone", "padding", "beginning"])
def test_scores_are_the_networks_own(kind, name, company, architecture):
    model = architecture(kind, name)
    sequences = {"alone": BRANCHING[:1], "padding": UNEQUAL, "beginning": BRANCHING}[company]
    for ids, values in zip(sequences, bits(model, sequences), strict=True):
        assert values == pytest.approx(own_bits(model, ids), abs=1e-4)


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_the_longest_text_that_is_allowed_is_read(kind, name, architecture):
    model = architecture(kind, name)
    longest = min(model.window, 64)
    sequences = [tokens(longest, 5), tokens(longest - 1, 6)]
    for ids, values in zip(sequences, bits(model, sequences), strict=True):
        assert values == pytest.approx(own_bits(model, ids), abs=1e-4)


@pytest.mark.parametrize("name", ["xlm-roberta-xl", "roberta", "opt", "biogpt", "mpt", "whisper", "bloom", "mamba"])
def test_windows_are_read_from_any_configuration(name, architecture):
    kind = next(kind for kind, cases in KINDS.items() if name in cases)
    expected = {"xlm-roberta-xl": 62, "roberta": 62, "bloom": None, "mamba": None}.get(name, 64)
    assert architecture(kind, name).info.window == expected


def tokens_read(model, sequences, monkeypatch):
    """Tokens of the rows that pass through the network's body."""
    bits(model, sequences)  # what is tried once is behind
    run, read = model._hidden, []
    monkeypatch.setattr(model, "_hidden", lambda rows: read.extend(map(len, rows)) or run(rows))
    bits(model, sequences)
    return sum(read)


@pytest.mark.parametrize("name", PLAIN)
def test_plain_attention_reads_a_common_beginning_once(name, architecture, monkeypatch):
    apart = sum(len(ids) - 1 for ids in BRANCHING)
    assert tokens_read(architecture("plain", name), BRANCHING, monkeypatch) == apart - 4 * len(COMMON)


@pytest.mark.parametrize("name", ["mistral", "gpt_neo", "gpt_oss", "llama4_text"])
def test_windows_are_shared_within_not_beyond(name, architecture, monkeypatch):
    """Sequences that a window of 16 holds are read in one row, longer ones apart."""
    model = architecture("windowed", name)
    within = [COMMON[:8] + tokens(count, count) for count in (4, 5, 6)]
    if name != "gpt_neo":  # its window counts tokens of the row
        assert tokens_read(model, within, monkeypatch) < sum(len(ids) - 1 for ids in within)
    assert tokens_read(model, BRANCHING, monkeypatch) >= sum(len(ids) - 1 for ids in BRANCHING)


def test_windows_that_do_not_overlap_are_predicted_from_the_token_before(headless_folder):
    """Without a beginning-of-sequence token, each window has one token of context at least."""
    model = load_model(f"file:{headless_folder}", device="cpu")
    text = tokens(150, 8)
    with model.reading(None, 0):
        queries, counts = model.word_queries(text, [(at, at + 1) for at in range(len(text))], after=False)
        found = answers(model, queries)
    assert counts == [0, *[1] * 149]  # nothing stands before the first
    assert len(queries) == 3 and all(query.at[0] >= 1 for query in queries)
    for query, values in zip(queries, found, strict=True):
        assert values == pytest.approx(own_answers(model, query), abs=1e-4)
    assert [token for query in queries for token in query.tokens] == list(text[1:])


def test_windows_above_the_limit_are_read_one_after_the_other(architecture):
    """A text of twice the window: each part as the network itself reads it, after a beginning of its own."""
    for kind, name in (("plain", "opt"), ("windowed", "gpt_neo"), ("unbranched", "xlm-roberta-xl")):
        model = architecture(kind, name)
        text = tokens(2 * model.window, 9)
        queries, _ = model.word_queries(text, [(at, at + 1) for at in range(len(text))], after=False)
        assert max(len(query.ids) for query in queries) <= model.window
        for query, values in zip(queries, answers(model, queries), strict=True):
            assert values == pytest.approx(own_answers(model, query), abs=1e-4)


def test_nothing_is_predicted_from_another_text(headless_folder):
    model = load_model(f"file:{headless_folder}", device="cpu")
    with pytest.raises(ValueError, match="nothing stands before"):
        answers(model, [Query((5, 6), (0, 1), (5, 6))])


def test_a_model_that_sees_what_follows_is_refused_by_its_configuration(causal_folder, tmp_path):
    with pytest.raises(PsylmError, match="BertLMHeadModel without is_decoder: true"):
        made("bert", BERT | {"is_decoder": False}, causal_folder, tmp_path / "model")


def test_a_network_that_sees_what_follows_is_refused(causal_folder):
    """Whatever its configuration says: here an attention that lost its mask."""
    model = load_model(f"file:{causal_folder}", device="cpu")
    body, forward = model.head.body, type(model.head.body).forward
    ones = torch.zeros(1, 1, 1, 1)
    model.head.body.forward = lambda input_ids, **rest: forward(
        body, input_ids, attention_mask=ones.expand(len(input_ids), 1, input_ids.shape[1], input_ids.shape[1]), **rest
    )
    with pytest.raises(PsylmError, match="predicts tokens by what follows them"):
        model.check_direction()


def test_a_row_of_several_texts_stays_below_a_ceiling(architecture):
    """What each text has room for is not refused because they share a row."""
    from dataclasses import replace

    model = architecture("plain", "gpt2")
    before, model.allowance = model.allowance, replace(model.allowance, longest=35)
    try:
        for ids, values in zip(BRANCHING, bits(model, BRANCHING), strict=True):
            assert values == pytest.approx(own_bits(model, ids), abs=1e-4)
    finally:
        model.allowance = before


@pytest.mark.parametrize(
    ("kind", "name"), [("unbranched", "mpt"), ("recurrent", "mamba2"), ("windowed", "gemma3_text")]
)
def test_a_ceiling_on_memory_is_read_with_any_configuration(kind, name, architecture):
    model = architecture(kind, name)
    again = load_model(model.info.name, device="cpu", memory="40GB")
    for ids, values in zip(BRANCHING, bits(again, BRANCHING), strict=True):
        assert values == pytest.approx(own_bits(model, ids), abs=1e-4)
