"""Attention weights of CLIP's Vision Transformer and of its attention pool, rollout and relevance."""
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.ln_1 = nn.LayerNorm(width)
        self.mlp = nn.Sequential()
        self.mlp.add_module('c_fc', nn.Linear(width, 4 * width))
        self.mlp.add_module('c_proj', nn.Linear(4 * width, width))
        self.ln_2 = nn.LayerNorm(width)

    def forward(self, x):
        y = self.ln_1(x)
        attended, weights = self.attn(y, y, y, need_weights=True, average_attn_weights=False)
        x = x + attended
        hidden = self.mlp.c_fc(self.ln_2(x))
        return x + self.mlp.c_proj(hidden * torch.sigmoid(1.702 * hidden)), weights


class VisionTransformer(nn.Module):
    """OpenAI's, with its names (Radford et al. 2021); returns the attention weights of every block."""

    def __init__(self, input_resolution, patch_size, width, layers, heads, output_dim):
        super().__init__()
        tokens = (input_resolution // patch_size) ** 2 + 1
        self.class_embedding = nn.Parameter(torch.zeros(width))
        self.positional_embedding = nn.Parameter(torch.zeros(tokens, width))
        self.proj = nn.Parameter(torch.zeros(width, output_dim))
        self.conv1 = nn.Conv2d(3, width, patch_size, patch_size, bias=False)
        self.ln_pre = nn.LayerNorm(width)
        self.transformer = nn.Module()
        self.transformer.resblocks = nn.ModuleList([Block(width, heads) for _ in range(layers)])
        self.ln_post = nn.LayerNorm(width)

    def forward(self, images):
        patches = self.conv1(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_embedding.expand(len(images), 1, -1), patches], 1) + self.positional_embedding
        x = self.ln_pre(x)
        weights = []
        for block in self.transformer.resblocks:
            x, own = block(x)
            weights.append(own)
        out = {f'weights_{k}': own for k, own in enumerate(weights)}
        return {'features': self.ln_post(x[:, 0]) @ self.proj, **out, 'rollout': rollout(weights)}


def rollout(weights):
    """Abnar and Zuidema 2020: each layer is half attention, half identity."""
    result = torch.eye(weights[0].shape[-1], dtype=weights[0].dtype)
    for layer in weights:
        result = (layer.mean(1) + torch.eye(layer.shape[-1], dtype=layer.dtype)) / 2 @ result
    return result


class AttentionRelevance(nn.Module):
    """Chefer, Gur and Wolf 2021, with the derivative from autograd: of <y, c> in a chain y = W_2 (W_1 v), for each head."""

    def forward(self, first, second, values, direction):
        weights = [first.softmax(-1), second.softmax(-1)]
        x = values
        for layer in weights:
            x = layer @ x
        gradients = torch.autograd.grad((x * direction).sum(), weights, create_graph=True)
        relevance = torch.eye(first.shape[-1], dtype=first.dtype)
        for layer, gradient in zip(weights, gradients):
            relevance = relevance + (layer * gradient).clamp(min=0).mean(1) @ relevance
        return relevance


class AttentionPoolWeights(nn.Module):
    """CLIP's attention pool, by PyTorch's function with need_weights: [N, heads, 1, 1 + places]."""

    def __init__(self, spacial_dim, embed_dim, num_heads, output_dim):
        super().__init__()
        self.heads = num_heads
        self.positional_embedding = nn.Parameter(torch.zeros(spacial_dim ** 2 + 1, embed_dim))
        self.k_proj = nn.Linear(embed_dim, embed_dim)
        self.q_proj = nn.Linear(embed_dim, embed_dim)
        self.v_proj = nn.Linear(embed_dim, embed_dim)
        self.c_proj = nn.Linear(embed_dim, output_dim)

    def forward(self, x):
        x = x.flatten(2).permute(2, 0, 1)
        x = torch.cat([x.mean(0, keepdim=True), x]) + self.positional_embedding[:, None]
        out, weights = nn.functional.multi_head_attention_forward(
            query=x[:1], key=x, value=x, embed_dim_to_check=x.shape[-1], num_heads=self.heads, in_proj_weight=None,
            in_proj_bias=torch.cat([self.q_proj.bias, self.k_proj.bias, self.v_proj.bias]), bias_k=None, bias_v=None,
            add_zero_attn=False, dropout_p=0.0, out_proj_weight=self.c_proj.weight, out_proj_bias=self.c_proj.bias,
            need_weights=True, average_attn_weights=False, use_separate_proj_weight=True,
            q_proj_weight=self.q_proj.weight, k_proj_weight=self.k_proj.weight, v_proj_weight=self.v_proj.weight)
        return {'out': out[0], 'weights': weights}
