"""Scaled dot-product attention as PyTorch 2 defines it, written with the operations of PyTorch 1.13."""
import torch
from torch import nn


class ScaledDotProductAttention(nn.Module):
    """softmax(query key^T / sqrt(width) + mask) value; causal masks begin at the top left."""

    def __init__(self, is_causal=False, enable_gqa=False):
        super().__init__()
        self.is_causal = is_causal
        self.enable_gqa = enable_gqa

    def forward(self, query, key, value, mask=None):
        if self.enable_gqa:
            repeats = query.size(-3) // key.size(-3)
            key = key.repeat_interleave(repeats, -3)
            value = value.repeat_interleave(repeats, -3)
        scores = query @ key.transpose(-2, -1) / query.size(-1) ** 0.5
        if self.is_causal:
            visible = torch.ones(query.size(-2), key.size(-2), dtype=torch.bool).tril()
            scores = scores.masked_fill(~visible, float('-inf'))
        if mask is not None:
            scores = scores + mask
        return scores.softmax(-1) @ value
