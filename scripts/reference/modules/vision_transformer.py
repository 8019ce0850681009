"""
Vision Transformers, written with torch only. The names of parameters are timm's (ViT, DeiT) and those of MAE's authors, so that
their state_dicts can be loaded.
"""
import torch
import torch.nn.functional as F
from torch import nn


def split_grid(tokens, grid):
    """[N, rows * columns, C] to [N, rows, columns, C]."""
    return tokens.unflatten(1, tuple(grid))


class Interpolate(nn.Module):
    def __init__(self, size, mode, antialias=False, align_corners=False):
        super().__init__()
        self.arguments = {'size': tuple(size), 'mode': mode}
        if mode != 'nearest':
            self.arguments.update(antialias=antialias, align_corners=align_corners)

    def forward(self, x):
        return F.interpolate(x, **self.arguments)


def interpolate_positions(positions, old, new, prefix, mode='bicubic', antialias=True):
    """Trained positions [1, prefix + rows * columns, D] for another grid; those of the prefix do not change."""
    first, places = positions[:, :prefix], positions[:, prefix:]
    picture = split_grid(places, old).permute(0, 3, 1, 2)
    picture = F.interpolate(picture, size=tuple(new), mode=mode, antialias=antialias, align_corners=False)
    return torch.cat([first, picture.flatten(2).transpose(1, 2)], dim=1)


class InterpolatePositions(nn.Module):
    def __init__(self, old, new, prefix, mode='bicubic', antialias=True):
        super().__init__()
        self.arguments = (old, new, prefix, mode, antialias)

    def forward(self, positions):
        return interpolate_positions(positions, *self.arguments)


def rotary_angles(rows, columns, dim, base=10000.0):
    """Angles of 2D rotary positions: half of the pairs turn with the row, half with the column."""
    quarter = dim // 4
    rates = base ** (-torch.arange(quarter, dtype=rows.dtype) / quarter)
    return torch.cat([rows[..., None] * rates, columns[..., None] * rates], dim=-1)


def grid_angles(grid, dim, prefix, dtype):
    rows = torch.arange(grid[0], dtype=dtype).repeat_interleave(grid[1])
    columns = torch.arange(grid[1], dtype=dtype).repeat(grid[0])
    angles = rotary_angles(rows, columns, dim)
    return torch.cat([angles.new_zeros(prefix, dim // 2), angles])


def apply_rotary(x, angles):
    """Turns the pairs (2k, 2k + 1) of the last axis."""
    a, b = x[..., 0::2], x[..., 1::2]
    cos, sin = angles.cos(), angles.sin()
    return torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2)


class Attention(nn.Module):
    def __init__(self, width, heads, rotary_grid=None, prefix=0):
        super().__init__()
        self.heads = heads
        self.rotary = (rotary_grid, prefix)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x, mask=None, angles=None):
        n, length, width = x.shape
        q, k, v = self.qkv(x).reshape(n, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        grid, prefix = self.rotary
        if grid is not None:
            angles = grid_angles(grid, width // self.heads, prefix, x.dtype)
        if angles is not None:
            q, k = apply_rotary(q, angles), apply_rotary(k, angles)
        scores = q @ k.transpose(-2, -1) * (width // self.heads) ** -0.5
        if mask is not None:
            scores = scores + mask
        return self.proj((scores.softmax(dim=-1) @ v).transpose(1, 2).reshape(n, length, width))


class Mlp(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class LayerScale(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return x * self.gamma


class EncoderBlock(nn.Module):
    def __init__(self, width, heads, norm='pre', mlp_ratio=4, layer_scale=None, rotary_grid=None, prefix=0):
        super().__init__()
        self.pre = norm == 'pre'
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads, rotary_grid, prefix)
        self.ls1 = nn.Identity() if layer_scale is None else LayerScale(width)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = Mlp(width, int(width * mlp_ratio))
        self.ls2 = nn.Identity() if layer_scale is None else LayerScale(width)

    def forward(self, x, mask=None, angles=None):
        if self.pre:
            x = x + self.ls1(self.attn(self.norm1(x), mask, angles))
            return x + self.ls2(self.mlp(self.norm2(x)))
        x = self.norm1(x + self.ls1(self.attn(x, mask, angles)))
        return self.norm2(x + self.ls2(self.mlp(x)))


class PatchEmbed(nn.Module):
    def __init__(self, width, patch_size, norm=False):
        super().__init__()
        self.proj = nn.Conv2d(3, width, patch_size, patch_size)
        self.norm = nn.LayerNorm(width) if norm else nn.Identity()

    def forward(self, images):
        return self.norm(self.proj(images).flatten(2).transpose(1, 2))


class ViT(nn.Module):
    def __init__(self, image_size, patch_size, width, depth, heads, classes, norm='pre', readout='cls', distilled=False,
                 positions='learned', layer_scale=None):
        super().__init__()
        self.patch = patch_size
        self.grid = [side // patch_size for side in image_size]
        self.prefix = int(readout == 'cls') + int(distilled)
        self.kind = positions
        self.readout = readout
        self.patch_embed = PatchEmbed(width, patch_size)
        if readout == 'cls':
            self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        if distilled:
            self.dist_token = nn.Parameter(torch.zeros(1, 1, width))
        rows, columns = self.grid
        if positions == 'learned':
            self.pos_embed = nn.Parameter(torch.zeros(1, self.prefix + rows * columns, width))
        elif positions in ('2d-sum', '2d-concat'):
            own = width if positions == '2d-sum' else width // 2
            self.row_embed = nn.Parameter(torch.zeros(rows, own))
            self.col_embed = nn.Parameter(torch.zeros(columns, own))
        grid = self.grid if positions == 'rotary' else None
        self.blocks = nn.ModuleList(
            EncoderBlock(width, heads, norm, layer_scale=layer_scale, rotary_grid=grid, prefix=self.prefix) for _ in range(depth))
        last = nn.LayerNorm(width, eps=1e-6) if norm == 'pre' else nn.Identity()
        if readout == 'cls':
            self.norm = last
        else:
            self.fc_norm = last
        self.head = nn.Linear(width, classes)
        if distilled:
            self.head_dist = nn.Linear(width, classes)

    def added(self, x, grid):
        """Positions of all tokens, the class token's included."""
        if self.kind == 'learned':
            return self.pos_embed if grid == self.grid else interpolate_positions(self.pos_embed, self.grid, grid, self.prefix)
        rows, columns = grid
        if self.kind == 'sinusoidal':
            place = torch.arange(x.shape[1], dtype=x.dtype)[:, None]
            half = x.shape[2] // 2
            angles = place * 10000.0 ** (-torch.arange(half, dtype=x.dtype) / half)
            return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[None]
        if self.kind in ('2d-sum', '2d-concat'):
            down = self.row_embed[:, None].expand(-1, columns, -1)
            along = self.col_embed[None].expand(rows, -1, -1)
            places = (down + along if self.kind == '2d-sum' else torch.cat([down, along], dim=-1)).flatten(0, 1)
            return torch.cat([places.new_zeros(self.prefix, places.shape[1]), places])[None]
        return torch.zeros_like(x)

    def tokens(self, images):
        grid = [images.shape[2] // self.patch, images.shape[3] // self.patch]
        x = self.patch_embed(images)
        front = [getattr(self, name).expand(len(x), -1, -1) for name in ('cls_token', 'dist_token') if hasattr(self, name)]
        x = torch.cat(front + [x], dim=1)
        x = x + self.added(x, grid)
        for block in self.blocks:
            x = block(x)
        return x

    def forward(self, images):
        x = self.tokens(images)
        if self.readout == 'mean':
            return self.head(self.fc_norm(x[:, self.prefix:].mean(dim=1)))
        x = self.norm(x)
        if hasattr(self, 'dist_token'):
            return {'logits': self.head(x[:, 0]), 'distillation': self.head_dist(x[:, 1])}
        return self.head(x[:, 0])


def sines_2d(grid, width):
    """MAE's fixed positions: the first half encodes the column, the second the row; zeros for the class token."""
    rows, columns = grid

    def waves(length):
        quarter = width // 4
        angles = torch.arange(length, dtype=torch.float64)[:, None] / 10000.0 ** (torch.arange(quarter, dtype=torch.float64) / quarter)
        return torch.cat([angles.sin(), angles.cos()], dim=1)

    across = waves(columns)[None].expand(rows, -1, -1)
    down = waves(rows)[:, None].expand(-1, columns, -1)
    places = torch.cat([across, down], dim=2).flatten(0, 1)
    return torch.cat([places.new_zeros(1, width), places])[None]


class MaskedAutoencoder(nn.Module):
    def __init__(self, image_size, patch_size, width, depth, heads, decoder_width, decoder_depth, decoder_heads, mask_ratio,
                 norm_pix_loss=True):
        super().__init__()
        self.patch, self.norm_pix_loss = patch_size, norm_pix_loss
        grid = [side // patch_size for side in image_size]
        self.keep = int(grid[0] * grid[1] * (1 - mask_ratio))
        self.patch_embed = PatchEmbed(width, patch_size)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.register_buffer('pos_embed', sines_2d(grid, width))
        self.blocks = nn.ModuleList(EncoderBlock(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.decoder_embed = nn.Linear(width, decoder_width)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, decoder_width))
        self.register_buffer('decoder_pos_embed', sines_2d(grid, decoder_width))
        self.decoder_blocks = nn.ModuleList(EncoderBlock(decoder_width, decoder_heads) for _ in range(decoder_depth))
        self.decoder_norm = nn.LayerNorm(decoder_width, eps=1e-6)
        self.decoder_pred = nn.Linear(decoder_width, patch_size * patch_size * 3)

    def target(self, images):
        p = self.patch
        n, c, height, width = images.shape
        x = images.reshape(n, c, height // p, p, width // p, p)
        x = torch.einsum('nchpwq->nhwpqc', x).reshape(n, (height // p) * (width // p), p * p * c)
        if self.norm_pix_loss:
            x = (x - x.mean(dim=-1, keepdim=True)) / (x.var(dim=-1, keepdim=True) + 1e-6) ** 0.5
        return x

    def forward(self, images, noise):
        x = self.patch_embed(images) + self.pos_embed[:, 1:]
        n, length, width = x.shape
        order = noise.argsort(dim=1)
        restore = order.argsort(dim=1)
        x = x.gather(1, order[:, :self.keep, None].expand(-1, -1, width))
        mask = (restore >= self.keep).to(x.dtype)
        x = torch.cat([(self.cls_token + self.pos_embed[:, :1]).expand(n, -1, -1), x], dim=1)
        for block in self.blocks:
            x = block(x)
        x = self.decoder_embed(self.norm(x))
        hidden = self.mask_token.expand(n, length - self.keep, -1)
        places = torch.cat([x[:, 1:], hidden], dim=1).gather(1, restore[:, :, None].expand(-1, -1, x.shape[2]))
        x = torch.cat([x[:, :1], places], dim=1) + self.decoder_pos_embed
        for block in self.decoder_blocks:
            x = block(x)
        prediction = self.decoder_pred(self.decoder_norm(x))[:, 1:]
        errors = ((prediction - self.target(images)) ** 2).mean(dim=-1)
        return {'prediction': prediction, 'mask': mask, 'loss': (errors * mask).sum() / mask.sum()}


class NaViT(nn.Module):
    """Packed sequences: attention within each image only, positions of row and column summed, each image pooled on its own."""

    def __init__(self, patch_size, width, depth, heads, max_grid, classes, slots, pool='attention', positions='factorized'):
        super().__init__()
        self.slots, self.heads, self.rotary = slots, heads, positions == 'rotary'
        self.patch_embed = nn.Linear(3 * patch_size * patch_size, width)
        if not self.rotary:
            self.row_embed = nn.Parameter(torch.zeros(max_grid, width))
            self.col_embed = nn.Parameter(torch.zeros(max_grid, width))
        self.blocks = nn.ModuleList(EncoderBlock(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.pool = pool
        if pool == 'attention':
            self.pool_query = nn.Parameter(torch.zeros(1, 1, width))
            self.attn_pool = nn.MultiheadAttention(width, heads, batch_first=True)
        self.head = nn.Linear(width, classes)

    def forward(self, patches, image, row, column):
        x = self.patch_embed(patches)
        angles = None
        if self.rotary:
            angles = rotary_angles(row.to(x.dtype), column.to(x.dtype), x.shape[2] // self.heads)[:, None]
        else:
            x = x + self.row_embed[row] + self.col_embed[column]
        apart = image[:, None, :] != image[:, :, None]
        mask = torch.zeros(apart.shape, dtype=x.dtype).masked_fill(apart, float('-inf'))[:, None]
        for block in self.blocks:
            x = block(x, mask, angles)
        x = self.norm(x)
        own = image[:, None, :] == torch.arange(self.slots)[None, :, None]
        if self.pool == 'mean':
            pooled = own.to(x.dtype) @ x / own.sum(dim=2, keepdim=True)
        else:
            query = self.pool_query.expand(len(x), self.slots, -1)
            pooled = self.attn_pool(query, x, x, attn_mask=(~own).repeat_interleave(self.heads, dim=0), need_weights=False)[0]
        return self.head(pooled)
