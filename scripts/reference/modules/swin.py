"""Swin Transformer, written with torch only, with timm's names."""
import torch
import torch.nn.functional as F
from torch import nn

from vision_transformer import Attention, Mlp, PatchEmbed, split_grid


def windows_of(x, side):
    """[N, H, W, C] to [N * windows, side * side, C]."""
    n, height, width, c = x.shape
    x = x.reshape(n, height // side, side, width // side, side, c)
    return x.permute(0, 1, 3, 2, 4, 5).reshape(-1, side * side, c)


class WindowAttention(Attention):
    def __init__(self, width, side, heads):
        super().__init__(width, heads)
        self.side = side
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * side - 1) ** 2, heads))

    def bias(self):
        place = torch.stack(torch.meshgrid(torch.arange(self.side), torch.arange(self.side), indexing='ij')).flatten(1)
        offset = place[:, :, None] - place[:, None, :] + self.side - 1
        index = offset[0] * (2 * self.side - 1) + offset[1]
        return self.relative_position_bias_table[index.flatten()].reshape(*index.shape, -1).permute(2, 0, 1)[None]


class SwinBlock(nn.Module):
    def __init__(self, width, heads, window, shift, mlp_ratio=4):
        super().__init__()
        self.window, self.shift = window, shift
        self.norm1 = nn.LayerNorm(width)
        self.attn = WindowAttention(width, window, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width, int(width * mlp_ratio))

    def attend(self, x):
        n, height, width, c = x.shape
        side = self.window
        below, right = -height % side, -width % side
        x = F.pad(x, (0, 0, 0, right, 0, below))
        shape = x.shape
        shifts = [self.shift if size > side else 0 for size in shape[1:3]]
        x = torch.roll(x, [-s for s in shifts], dims=(1, 2))
        mask = self.attn.bias()
        if any(shifts):
            # Tokens that were not neighbors before rolling have different numbers.
            region = torch.zeros(shape[1:3])
            for k, rows in enumerate(pieces(side, shifts[0])):
                for j, columns in enumerate(pieces(side, shifts[1])):
                    region[rows, columns] = 3 * k + j
            region = windows_of(region[None, :, :, None], side)[:, :, 0]
            apart = region[:, None, :] != region[:, :, None]
            blocked = torch.zeros(apart.shape, dtype=x.dtype).masked_fill(apart, float('-inf'))
            mask = (mask + blocked[:, None]).repeat(n, 1, 1, 1)
        y = self.attn(windows_of(x, side), mask)
        y = y.reshape(n, shape[1] // side, shape[2] // side, side, side, c).permute(0, 1, 3, 2, 4, 5).reshape(shape)
        return torch.roll(y, shifts, dims=(1, 2))[:, :height, :width]

    def forward(self, x):
        x = x + self.attend(self.norm1(x))
        return x + self.mlp(self.norm2(x))


def pieces(side, shift):
    return (slice(None),) if shift == 0 else (slice(0, -side), slice(-side, -shift), slice(-shift, None))


class PatchMerging(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(4 * width)
        self.reduction = nn.Linear(4 * width, 2 * width, bias=False)

    def forward(self, x):
        x = F.pad(x, (0, 0, 0, x.shape[2] % 2, 0, x.shape[1] % 2))
        quads = [x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]]
        return self.reduction(self.norm(torch.cat(quads, dim=-1)))


class SwinStage(nn.Module):
    def __init__(self, downsample, blocks):
        super().__init__()
        self.downsample = downsample
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x):
        x = self.downsample(x)
        for block in self.blocks:
            x = block(x)
        return x


class Swin(nn.Module):
    def __init__(self, image_size, patch_size, width, depths, heads, window, classes):
        super().__init__()
        self.patch_embed = PatchEmbed(width, patch_size, norm=True)
        self.patch = patch_size
        side = image_size // patch_size
        layers = []
        for stage, depth in enumerate(depths):
            own = width * 2 ** stage
            if stage > 0:
                side = (side + 1) // 2
            size, half = min(window, side), window // 2 if side > window else 0
            blocks = [SwinBlock(own, heads[stage], size, half if k % 2 else 0) for k in range(depth)]
            layers.append(SwinStage(PatchMerging(own // 2) if stage > 0 else nn.Identity(), blocks))
        self.layers = nn.ModuleList(layers)
        self.norm = nn.LayerNorm(own)
        self.head = nn.ModuleDict({'fc': nn.Linear(own, classes)})

    def forward(self, images):
        x = split_grid(self.patch_embed(images), [images.shape[2] // self.patch, images.shape[3] // self.patch])
        for layer in self.layers:
            x = layer(x)
        return self.head['fc'](self.norm(x).mean(dim=(1, 2)))
