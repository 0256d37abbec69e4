"""Tiny random models of the families that moe-import knows, made with transformers.

A model is described by what its MoE layer computes, so that the same numbers
serve three purposes: transformers runs them, a file holds them under the
checkpoint's names, and `reference.py` evaluates them in f64.
"""

import dataclasses

import torch
import transformers


@dataclasses.dataclass
class Family:
    """How to make a model of a family and where its MoE layer sits."""

    config: type
    sizes: dict
    layer: int = 0
    num_groups: int = 1
    kept_groups: int = 1


# Sizes are odd on purpose: multiples of no tile.
FAMILIES = {
    "mixtral": Family(
        transformers.MixtralConfig,
        dict(hidden_size=48, intermediate_size=75, num_local_experts=5, num_experts_per_tok=2),
    ),
    "olmoe": Family(
        transformers.OlmoeConfig,
        dict(hidden_size=44, intermediate_size=37, num_experts=9, num_experts_per_tok=4, norm_topk_prob=False),
    ),
    "qwen3_moe": Family(
        transformers.Qwen3MoeConfig,
        dict(hidden_size=52, moe_intermediate_size=29, intermediate_size=64, num_experts=16, num_experts_per_tok=8,
             norm_topk_prob=True, decoder_sparse_step=1, mlp_only_layers=[0], head_dim=8),
        layer=1,
    ),
    "deepseek_v3": Family(
        transformers.DeepseekV3Config,
        dict(hidden_size=40, moe_intermediate_size=33, intermediate_size=64, n_routed_experts=16, num_local_experts=16,
             num_experts_per_tok=4, n_group=4, topk_group=2, n_shared_experts=2, first_k_dense_replace=1,
             norm_topk_prob=True, routed_scaling_factor=2.5, q_lora_rank=8, kv_lora_rank=8, qk_rope_head_dim=4,
             qk_nope_head_dim=4, v_head_dim=4),
        layer=1, num_groups=4, kept_groups=2,
    ),
}


def make_model(name, dtype, seed, skewed):
    """A causal language model of two layers with random weights, in evaluation mode.

    With `skewed`, the router's first row is large and positive, so that inputs
    with a positive mean send every token to expert 0.
    """
    family = FAMILIES[name]
    torch.manual_seed(seed)
    config = family.config(
        num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=4, vocab_size=32,
        max_position_embeddings=64, experts_implementation="eager", **family.sizes)
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=dtype).eval()
    block = find_block(model, family)
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.copy_(torch.randn_like(parameter, dtype=torch.float32) / parameter.shape[-1] ** 0.5)
        router = block.gate
        router.weight.mul_(2.0)
        if skewed:
            router.weight[0].abs_().add_(0.2)
        if hasattr(router, "e_score_correction_bias"):
            router.e_score_correction_bias.copy_(0.2 * torch.randn(router.e_score_correction_bias.shape))
    return model, block


def find_block(model, family):
    layer = model.model.layers[family.layer]
    return layer.mlp if hasattr(layer, "mlp") else layer.block_sparse_moe


def run_block(block, x):
    """The block's output and its routing for rows `x` (T x H)."""
    with torch.no_grad():
        y = block(x[None])
        y = y[0] if isinstance(y, tuple) else y
        _, weights, ids = block.gate(x)
    return y.reshape(x.shape), ids.to(torch.int32), weights.to(torch.float32)
