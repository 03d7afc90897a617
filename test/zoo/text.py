"""Tiny networks of the transformers package, by their configurations."""
from .exporting import Spec, Tensors

COMMON = dict(vocab_size=99, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
              max_position_embeddings=64, pad_token_id=0, bos_token_id=1, eos_token_id=2)
ENCODERS = {
    "bert": {}, "distilbert": dict(dim=32, hidden_dim=64, n_layers=2, n_heads=4), "roberta": {}, "deberta": dict(relative_attention=True, pos_att_type=["p2c", "c2p"]),
    "deberta-v2": dict(relative_attention=True, pos_att_type=["p2c", "c2p"], position_buckets=8, share_att_key=True, norm_rel_ebd="layer_norm"), "albert": dict(embedding_size=16), "electra": dict(embedding_size=16),
    "mpnet": {}, "xlnet": dict(d_model=32, n_layer=2, n_head=4, d_inner=64), "camembert": {}, "xlm-roberta": {}, "xlm": dict(emb_dim=32, n_layers=2, n_heads=4, n_words=99), "flaubert": dict(emb_dim=32, n_layers=2, n_heads=4, n_words=99), "layoutlm": {}, "squeezebert": dict(embedding_size=32, q_groups=2, k_groups=2, v_groups=2, intermediate_groups=2, output_groups=2, post_attention_groups=1),
    "mobilebert": dict(embedding_size=16, intra_bottleneck_size=16, true_hidden_size=16), "convbert": dict(embedding_size=16, head_ratio=2, conv_kernel_size=3, num_groups=1), "funnel": dict(d_model=32, n_head=4, d_head=8, d_inner=64, block_sizes=[1, 1], num_decoder_layers=1),
    "ibert": {}, "megatron-bert": {}, "nezha": {}, "roformer": dict(embedding_size=32), "big_bird": dict(attention_type="original_full"), "longformer": dict(attention_window=8), "fnet": {}, "rembert": dict(input_embedding_size=16, output_embedding_size=16), "ernie": {}, "splinter": {}, "nystromformer": dict(num_landmarks=8, segment_means_seq_len=12), "yoso": dict(use_expectation=True), "mra": {}, "luke": {}, "modernbert": dict(global_attn_every_n_layers=2, local_attention=8), "canine": {}, "data2vec-text": {}, "esm": dict(mask_token_id=3, position_embedding_type="rotary"), "xmod": dict(languages=["en_XX"], default_language="en_XX"), "nomic_bert": {},
}
DECODERS = {
    "gpt2": dict(n_embd=32, n_layer=2, n_head=4, n_positions=64), "gpt_neo": dict(num_layers=2, num_heads=4, attention_types=[[["global", "local"], 1]], window_size=8), "gpt_neox": dict(rotary_pct=0.5), "gptj": dict(n_embd=32, n_layer=2, n_head=4, n_positions=64, rotary_dim=4),
    "opt": dict(ffn_dim=64, word_embed_proj_dim=32), "bloom": dict(n_layer=2, n_head=4), "llama": dict(num_key_value_heads=2), "mistral": dict(num_key_value_heads=2, sliding_window=8), "mixtral": dict(num_key_value_heads=2, num_local_experts=4, num_experts_per_tok=2), "qwen2": dict(num_key_value_heads=2), "qwen3": dict(num_key_value_heads=2, head_dim=8), "qwen2_moe": dict(num_key_value_heads=2, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=32, shared_expert_intermediate_size=32), "phi": {}, "phi3": dict(num_key_value_heads=2), "gemma": dict(num_key_value_heads=1, head_dim=8), "gemma2": dict(num_key_value_heads=2, head_dim=8, sliding_window=8, query_pre_attn_scalar=8), "gemma3_text": dict(num_key_value_heads=2, head_dim=8, sliding_window=8, query_pre_attn_scalar=8),
    "falcon": dict(new_decoder_architecture=False), "mpt": dict(d_model=32, n_heads=4, n_layers=2, max_seq_len=64), "stablelm": {}, "starcoder2": dict(num_key_value_heads=2), "persimmon": {}, "olmo": {}, "olmo2": {}, "cohere": dict(num_key_value_heads=2), "granite": {}, "codegen": dict(n_embd=32, n_layer=2, n_head=4, n_positions=64, rotary_dim=4), "ctrl": dict(n_embd=32, n_layer=2, n_head=4, dff=64, n_positions=64), "openai-gpt": dict(n_embd=32, n_layer=2, n_head=4, n_positions=64), "biogpt": {}, "xglm": dict(d_model=32, num_layers=2, attention_heads=4, ffn_dim=64), "mamba": dict(state_size=4, expand=2), "mamba2": dict(state_size=8, num_heads=8, head_dim=8, n_groups=1, chunk_size=8), "rwkv": dict(attention_hidden_size=32, context_length=64), "smollm3": dict(num_key_value_heads=2), "exaone4": dict(num_key_value_heads=2, sliding_window=8), "glm": dict(num_key_value_heads=2, head_dim=8), "nemotron": dict(num_key_value_heads=2), "recurrent_gemma": dict(num_key_value_heads=1, lru_width=32, attention_window_size=8, block_types=["recurrent", "attention"]),
}
PAIRS = {
    "t5": dict(d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4), "mt5": dict(d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4), "bart": dict(d_model=32), "marian": dict(d_model=32), "mbart": dict(d_model=32), "pegasus": dict(d_model=32), "blenderbot-small": dict(d_model=32), "m2m_100": dict(d_model=32), "led": dict(d_model=32, attention_window=8, max_encoder_position_embeddings=64, max_decoder_position_embeddings=64), "prophetnet": dict(num_encoder_layers=2, num_decoder_layers=2, num_encoder_attention_heads=4, num_decoder_attention_heads=4, encoder_ffn_dim=64, decoder_ffn_dim=64), "longt5": dict(d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, local_radius=4), "switch_transformers": dict(d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, num_experts=4, expert_capacity=16, num_sparse_encoder_layers=1, num_sparse_decoder_layers=1),
}
PAIR_SIZES = dict(encoder_layers=2, decoder_layers=2, encoder_attention_heads=4, decoder_attention_heads=4, encoder_ffn_dim=64,
                  decoder_ffn_dim=64, decoder_start_token_id=1)


def config_of(kind, overrides):
    from transformers import AutoConfig

    config = AutoConfig.for_model(kind)
    values = {**COMMON, **overrides}
    own = {k: v for k, v in values.items() if hasattr(config, k) or k in overrides}
    config = type(config)(**own)
    if hasattr(config, "use_cache"):
        config.use_cache = False
    return config


def ids(batch=2, length=12, vocabulary=99):
    import torch

    return torch.randint(3, vocabulary, (batch, length))


AXES = {0: "batch", 1: "sequence"}


def encoder(kind, overrides, attention):
    def make():
        import torch
        from transformers import AutoModel

        model = AutoModel.from_config(config_of(kind, overrides), attn_implementation=attention) if attention else \
            AutoModel.from_config(config_of(kind, overrides))
        mask = torch.ones(2, 12, dtype=torch.int64)
        mask[1, 9:] = 0
        pick = lambda m, i, a: m(input_ids=i, attention_mask=a, return_dict=True)
        return Spec(Tensors(model, pick), (ids(), mask), dynamic=(AXES, AXES), names=("input_ids", "attention_mask"))

    return make


def decoder(kind, overrides, attention):
    def make():
        from transformers import AutoModelForCausalLM

        config = config_of(kind, overrides)
        model = AutoModelForCausalLM.from_config(config, attn_implementation=attention) if attention else \
            AutoModelForCausalLM.from_config(config)
        pick = lambda m, i: m(input_ids=i, use_cache=False, return_dict=True).logits
        return Spec(Tensors(model, pick), (ids(),), dynamic=(AXES,), names=("input_ids",))

    return make


def pair(kind, overrides):
    def make():
        import torch
        from transformers import AutoModelForSeq2SeqLM

        model = AutoModelForSeq2SeqLM.from_config(config_of(kind, {**PAIR_SIZES, **overrides}))
        mask = torch.ones(2, 12, dtype=torch.int64)
        mask[1, 9:] = 0
        pick = lambda m, i, a, d: m(input_ids=i, attention_mask=a, decoder_input_ids=d, use_cache=False).logits
        return Spec(Tensors(model, pick), (ids(), mask, ids(2, 7)), names=("input_ids", "attention_mask", "decoder_input_ids"),
                    dynamic=(AXES, AXES, {0: "batch", 1: "target"}))

    return make


def cached(kind, overrides):
    """One step of a decoder with keys and values of the past as inputs and outputs."""
    def make():
        import torch
        from transformers import AutoModelForCausalLM
        from transformers.cache_utils import DynamicCache

        config = config_of(kind, overrides)
        config.use_cache = True
        model = AutoModelForCausalLM.from_config(config)
        layers, heads = 2, getattr(config, "num_key_value_heads", None) or 4
        past = [torch.randn(2, heads, 6, 8) for _ in range(2 * layers)]

        def pick(m, i, mask, *past):
            cache = DynamicCache()
            for k in range(layers):
                cache.update(past[2 * k], past[2 * k + 1], k)
            out = m(input_ids=i, attention_mask=mask, past_key_values=cache, use_cache=True)
            kept = out.past_key_values
            return [out.logits] + [t for layer in kept.layers for t in (layer.keys, layer.values)]

        axes = ({0: "batch"}, {0: "batch", 1: "total"}) + tuple({0: "batch", 2: "past"} for _ in past)
        return Spec(Tensors(model, pick), (ids(2, 1), torch.ones(2, 7, dtype=torch.int64), *past), dynamic=axes,
                    names=("input_ids", "attention_mask", *[f"past.{k // 2}.{'kv'[k % 2]}" for k in range(2 * layers)]))

    return make


MODELS = {}
for kind, overrides in ENCODERS.items():
    MODELS[f"hf/{kind}"] = encoder(kind, overrides, None)
for kind, overrides in DECODERS.items():
    MODELS[f"hf/{kind}"] = decoder(kind, overrides, None)
for kind in ("bert", "roberta", "albert", "electra"):
    MODELS[f"hf/{kind}-eager"] = encoder(kind, ENCODERS[kind], "eager")
for kind in ("gpt2", "llama", "opt", "qwen2", "gemma2"):
    MODELS[f"hf/{kind}-eager"] = decoder(kind, DECODERS[kind], "eager")
for kind, overrides in PAIRS.items():
    MODELS[f"hf/{kind}"] = pair(kind, overrides)
for kind in ("gpt2", "llama", "qwen2", "opt", "phi", "gpt_neox"):
    MODELS[f"hf/{kind}-past"] = cached(kind, DECODERS[kind])
