"""What is known of architectures one by one, and sizes by the names that configurations have for them."""

from __future__ import annotations

from typing import Any

WINDOW = 48
"""Positions of every tiny model."""

LOCAL = 8
"""Tokens that a tiny model's local attention reaches."""

SIZES = (
    (
        WINDOW,
        "max_position_embeddings n_positions n_ctx max_seq_len seq_length context_length max_source_positions "
        "max_target_positions max_encoder_position_embeddings max_decoder_position_embeddings max_sequence_length",
    ),
    (
        LOCAL,
        "sliding_window window_size attention_window attention_window_size local_attention attention_chunk_size "
        "local_attn_chunk_length lsh_attn_chunk_length keep_window_size local_attention_window_len",
    ),
    (
        64,
        "hidden_size d_model n_embd embedding_dim emb_dim embedding_size lru_width word_embed_proj_dim "
        "input_embedding_size output_embedding_size pooler_hidden_size true_hidden_size prediction_head_size "
        "attention_hidden_size entity_emb_size dim pronunciation_embed_dim shape_embed_dim d_latents "
        "hidden_size_per_layer_input ple_embed_dim",
    ),
    (
        96,
        "intermediate_size encoder_ffn_dim decoder_ffn_dim ffn_dim d_ff dff dim_ff d_inner hidden_dim n_inner "
        "feed_forward_size moe_intermediate_size shared_expert_intermediate_size shared_intermediate_size "
        "expert_ffn_hidden_size dense_intermediate_size intermediate_size_mlp moe_shared_expert_intermediate_size "
        "shared_experts_intermediate_size",
    ),
    (
        2,
        "num_hidden_layers n_layer n_layers num_layers encoder_layers decoder_layers num_encoder_layers "
        "num_decoder_layers num_blocks num_self_attends_per_block num_experts_per_tok num_experts_per_token top_k "
        "moe_topk moe_k num_key_value_heads num_kv_heads num_selected_experts index_topk_blocks num_global_tokens "
        "linear_num_key_heads index_n_heads num_heads_ngram heads_per_ngram num_feedforward_networks "
        "encoder_sparse_step decoder_sparse_step num_sparse_encoder_layers num_sparse_decoder_layers "
        "num_layers_per_stack n_layers_per_attn_res_block block_per_row num_query_groups",
    ),
    (
        4,
        "num_attention_heads n_head n_heads num_heads attention_heads encoder_attention_heads decoder_attention_heads "
        "num_encoder_attention_heads num_decoder_attention_heads num_experts num_local_experts n_routed_experts "
        "moe_num_experts linear_num_value_heads num_self_attention_heads num_cross_attention_heads index_topk "
        "num_landmarks block_size global_block_size local_radius",
    ),
    (
        16,
        "head_dim d_head d_kv dim_head attention_head_size linear_key_head_dim linear_value_head_dim mamba_d_head "
        "mamba_head_dim mamba_headdim v_head_dim qk_nope_head_dim index_head_dim q_lora_rank kv_lora_rank o_lora_rank "
        "qk_head_dim time_step_rank intra_bottleneck_size global_head_dim embedding_rank num_latents swa_head_dim "
        "swa_v_head_dim",
    ),
    (
        8,
        "qk_rope_head_dim rotary_dim state_size mamba_d_state ssm_state_size mamba_chunk_size chunk_size "
        "num_mamba_heads "
        "mamba_n_heads mamba_num_heads n_mamba_heads laurel_rank router_hidden_size gated_norm_rank adapter_rank "
        "index_block_size max_2d_position_embeddings max_num_rows max_num_columns",
    ),
    (
        1,
        "n_group topk_group num_expert_group mamba_n_groups n_groups n_shared_experts num_shared_experts "
        "first_k_dense_replace num_nextn_predict_layers num_kv_shared_layers",
    ),
    (0.15, "initializer_range init_std"),
)
SIZE_OF = {name: size for size, names in SIZES for name in names.split()}

LATENT = {"head_dim": 8}
"""DeepSeek's attention, whose `head_dim` is that of its rotary part."""

SHARED = {
    "num_hidden_layers": 6, "num_kv_shared_layers": 2, "hidden_size_per_layer_input": 16,
    "vocab_size_per_layer_input": 400,
    "layer_types": ["sliding_attention", "full_attention"] * 3,
}  # fmt: skip
"""Gemma's layers that take keys and values from layers below."""

EXCEPTIONS: dict[str, dict[str, Any]] = {
    "axk1": LATENT, "deepseek_v3": LATENT, "youtu": LATENT,
    "bamba": {"num_hidden_layers": 4, "attn_layer_indices": [1, 3], "mamba_n_heads": 8, "mamba_d_head": 16},
    "bart": {"forced_eos_token_id": None},
    "cohere_compass_text": {
        "rope_parameters": {
            "full_attention": {"rope_type": "default", "rope_theta": 1e4},
            "sliding_attention": {"rope_type": "default", "rope_theta": 1e4},
        }
    },
    "dbrx": {
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e4},
        "attn_config": {"kv_n_heads": 2, "rope_theta": 1e4, "clip_qkv": 8.0},
        "ffn_config": {"hidden_size": 64, "ffn_hidden_size": 96, "moe_num_experts": 4, "moe_top_k": 2},
    },
    "dots1": {"n_shared_experts": 1},
    "falcon_h1": {"mamba_d_ssm": 128, "mamba_n_heads": 8, "mamba_d_head": 16},
    "gemma3n_text": SHARED | {"intermediate_size": [96] * 6, "activation_sparsity_pattern": [0.0] * 6},
    "gemma4_text": SHARED, "gemma4_unified_text": SHARED,
    "gpt_neo": {"attention_types": [[["global", "local"], 1]]},
    "granitemoehybrid": {"layer_types": ["linear_attention", "full_attention"], "mamba_n_heads": 8, "mamba_d_head": 16},
    "hrm_text": {"num_layers_per_stack": None},
    "jamba": {"num_hidden_layers": 4, "attn_layer_period": 2, "attn_layer_offset": 1, "mamba_dt_rank": 4},
    "kimi_linear": {"linear_head_dim": 16, "linear_num_heads": 4},
    "led": {"max_encoder_position_embeddings": 48},
    "lfm2_moe": {"num_dense_layers": 1, "num_hidden_layers": 4, "layer_types": ["conv", "full_attention"] * 2},
    "longcat_flash": LATENT | {"ffn_hidden_size": 96, "zero_expert_num": 2, "qk_head_dim": 24},
    "luke": {"entity_vocab_size": 8},
    "mamba2": {"num_heads": 8, "head_dim": 16, "n_groups": 2},
    "mobilebert": {"hidden_size": 64, "embedding_size": 32, "true_hidden_size": 16},
    "nemotron": {"num_key_value_heads": 2},
    "nystromformer": {"segment_means_seq_len": 16, "num_landmarks": 16, "conv_kernel_size": 5},
    "recurrent_gemma": {"num_hidden_layers": 3},
    "reformer": {
        "axial_pos_shape": [6, 8], "axial_pos_embds_dim": [32, 32], "num_buckets": 4, "hash_seed": 0,
        "attn_layers": ["local", "lsh"],
    },
    "ReformerModelWithLMHead": {"is_decoder": True},
    "xlstm": {"hidden_size": 128, "embedding_dim": 128, "num_heads": 4},
    "xmod": {"languages": ["en_XX"], "default_language": "en_XX"},
    "zamba": {
        "num_hidden_layers": 4, "layers_block_type": ["linear_attention", "hybrid"] * 2, "attention_hidden_size": 128,
        "attention_head_dim": 32,
    },
    "zamba2": {"attention_hidden_size": 128, "attention_head_dim": 32, "n_mamba_heads": 8, "mamba_ngroups": 1,
        "mamba_d_state": 16,        "num_hidden_layers": 4, "layers_block_type": ["linear_attention", "hybrid"] * 2},
    "zaya": {"num_experts_per_tok": 1},
}  # fmt: skip
"""What no rule knows, by model type."""

OTHER_INPUT = ("vision_config", "audio_config", "encoder_config", "audio_encoder_config",
               "depth_decoder_config", "backbone_config", "acoustic_tokenizer_encoder_config", "patcher_config",
               "vq_config", "perceiver_config", "num_mel_bins", "num_codebooks", "speech_encoder_layers")  # fmt: skip
"""Keys of configurations whose models read images or sound."""

OTHER_TYPES = {
    "fuyu",
    "musicgen",
    "musicgen_melody",
    "t5gemma2",
    "gemma4_assistant",
    "gemma4_unified_assistant",
    "trocr",
}
"""Model types that do so and whose configuration does not say it, and parts that draft for other models."""

SPECIAL = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>", "mask_token": "<mask>"}


ALIASES = {"gpt-sw3", "internlm3", "iquestcoder"}
"""Model types whose class is that of another (GPT-2, Llama)."""

ENCODERS = {"t5": "T5EncoderModel", "mt5": "MT5EncoderModel", "umt5": "UMT5EncoderModel"}
"""Classes of which psylm loads the encoder alone."""


FAMILIES = {"XLNetLMHeadModel": "permuted", "XLMWithLMHeadModel": "masked", "FlaubertWithLMHeadModel": "masked"}
"""Families of architectures that several mappings name."""


DECODERS: dict[str, dict[str, Any]] = {
    name: {"is_decoder": True}
    for name in (
        "BertLMHeadModel", "BertGenerationDecoder", "BigBirdForCausalLM", "CamembertForCausalLM",
        "Data2VecTextForCausalLM", "ElectraForCausalLM", "ErnieForCausalLM", "MegatronBertForCausalLM",
        "RemBertForCausalLM", "RobertaForCausalLM", "RobertaPreLayerNormForCausalLM", "RoCBertForCausalLM",
        "RoFormerForCausalLM", "XLMRobertaForCausalLM", "XLMRobertaXLForCausalLM", "XmodForCausalLM",
    )
}  # fmt: skip
"""Encoders that are decoders where their configuration says so."""

VARIANTS: dict[str, dict[str, dict[str, Any]]] = {
    "BertLMHeadModel": {"not a decoder": {"is_decoder": False}},
    "BigBirdForMaskedLM": {"full attention": {"attention_type": "original_full"}},
    "DebertaForMaskedLM": {
        "relative": {"relative_attention": True, "pos_att_type": ["c2p", "p2c"], "position_biased_input": False}
    },
    "DebertaV2ForMaskedLM": {
        "relative": {
            "relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_biased_input": False,
            "position_buckets": 8, "norm_rel_ebd": "layer_norm", "share_att_key": True,
        },
        "convolution": {
            "relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_biased_input": False,
            "conv_kernel_size": 3,
        },
    },
    "ElectraForMaskedLM": {"narrow embeddings": {"embedding_size": 32}},
    "FalconForCausalLM": {
        "ALiBi": {"alibi": True}, "new decoder": {"new_decoder_architecture": True, "num_kv_heads": 2},
        "one after the other": {"parallel_attn": False, "bias": True},
    },
    "GPTBigCodeForCausalLM": {"several keys": {"multi_query": False}},
    "MptForCausalLM": {"no ALiBi": {"attn_config": {"alibi": False}}},
    "NystromformerForMaskedLM": {"approximation": {"num_landmarks": 4}},
    "OPTForCausalLM": {"projected": {"word_embed_proj_dim": 32}, "norm after": {"do_layer_norm_before": False}},
    "Qwen2ForCausalLM": {"window": {"use_sliding_window": True, "max_window_layers": 0}},
    "Qwen3ForCausalLM": {"window": {"use_sliding_window": True, "max_window_layers": 1}},
    "ReformerForMaskedLM": {"hashes drawn anew": {"hash_seed": None}, "local": {"attn_layers": ["local", "local"]}},
    "T5ForConditionalGeneration": {"gated": {"feed_forward_proj": "gated-gelu"}},
    "XLMWithLMHeadModel": {"causal": {"causal": True}},
    "FlaubertWithLMHeadModel": {"norm before": {"pre_norm": True}},
}  # fmt: skip
"""Variants of single architectures."""


SENTINEL = "<extra_id_0>"
SENTINELS = {"t5", "mt5", "umt5", "longt5", "switch_transformers", "t5gemma"}
"""Model types whose encoder marks a gap by a sentinel."""

VOCABULARY = 400
WORDS = [
    "the",
    "cook",
    "tasted",
    "soup",
    "and",
    "added",
    "salt",
    "children",
    "like",
    "songs",
    "under",
    "a",
    "table",
    "when",
    "it",
    "rained",
    "cats",
    "slept",
    "by",
    "windows",
    "keys",
    "to",
    "cabinets",
    "are",
    "on",
    "shelves",
    "women",
    "opened",
    "old",
    "doors",
]
