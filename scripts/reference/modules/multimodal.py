"""PyTorch modules that join two modalities, turn images into discrete tokens, and compare pairs."""
import torch
import torch.nn.functional as F
from torch import nn


class CrossAttention(nn.Module):
    """Queries from one sequence, keys and values from another one of any width."""

    def __init__(self, width, num_heads, context_width=None, inner_width=None, bias=True):
        super().__init__()
        inner = inner_width or width
        self.num_heads = num_heads
        self.q_proj = nn.Linear(width, inner, bias=bias)
        self.k_proj = nn.Linear(context_width or width, inner, bias=bias)
        self.v_proj = nn.Linear(context_width or width, inner, bias=bias)
        self.out_proj = nn.Linear(inner, width, bias=bias)

    def forward(self, query, context, padding=None):
        q, k, v = (
            x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
            for x in (self.q_proj(query), self.k_proj(context), self.v_proj(context)))
        scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
        if padding is not None:
            scores = scores.masked_fill(padding[:, None, None, :], float('-inf'))
        return self.out_proj((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))


class FeedForward(nn.Sequential):
    def __init__(self, width, hidden, bias=True):
        super().__init__()
        self.add_module('c_fc', nn.Linear(width, hidden, bias=bias))
        self.add_module('gelu', nn.GELU())
        self.add_module('c_proj', nn.Linear(hidden, width, bias=bias))


class CrossAttentionBlock(nn.Module):
    def __init__(self, width, num_heads, context_width=None):
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.ln_context = nn.LayerNorm(context_width or width)
        self.attn = CrossAttention(width, num_heads, context_width)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = FeedForward(width, 4 * width)

    def forward(self, x, context, padding=None):
        x = x + self.attn(self.ln_1(x), self.ln_context(context), padding)
        return x + self.mlp(self.ln_2(x))


class CoAttentionBlock(nn.Module):
    def __init__(self, image_width, text_width, num_heads):
        super().__init__()
        self.image_to_text = CrossAttentionBlock(image_width, num_heads, text_width)
        self.text_to_image = CrossAttentionBlock(text_width, num_heads, image_width)

    def forward(self, image, text, lengths):
        padding = torch.arange(text.shape[1]) >= lengths[:, None]
        return {'image': self.image_to_text(image, text, padding), 'text': self.text_to_image(text, image)}


class GatedCrossAttentionBlock(nn.Module):
    """Flamingo's block: tanh of a trained gate scales each branch."""

    def __init__(self, width, num_heads, context_width=None):
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.ln_context = nn.LayerNorm(context_width or width)
        self.attn = CrossAttention(width, num_heads, context_width, bias=False)
        self.attn_gate = nn.Parameter(torch.zeros(1))
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = FeedForward(width, 4 * width, bias=False)
        self.ff_gate = nn.Parameter(torch.zeros(1))

    def forward(self, x, context):
        x = x + self.attn_gate.tanh() * self.attn(self.ln_1(x), self.ln_context(context))
        return x + self.ff_gate.tanh() * self.mlp(self.ln_2(x))


class ResamplerLayer(nn.Module):
    def __init__(self, width, num_heads, head_width):
        super().__init__()
        self.norm_media = nn.LayerNorm(width)
        self.norm_latents = nn.LayerNorm(width)
        self.attn = CrossAttention(width, num_heads, inner_width=num_heads * head_width, bias=False)
        self.norm_ff = nn.LayerNorm(width)
        self.ff = FeedForward(width, 4 * width, bias=False)

    def forward(self, latents, tokens):
        queries = self.norm_latents(latents)
        latents = latents + self.attn(queries, torch.cat([self.norm_media(tokens), queries], dim=1))
        return latents + self.ff(self.norm_ff(latents))


class PerceiverResampler(nn.Module):
    def __init__(self, width, output_width, latents, layers, num_heads, head_width):
        super().__init__()
        self.latents = nn.Parameter(torch.randn(latents, width))
        self.layers = nn.ModuleList([ResamplerLayer(width, num_heads, head_width) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)
        self.proj = nn.Linear(width, output_width)

    def forward(self, tokens):
        latents = self.latents.expand(len(tokens), -1, -1)
        for layer in self.layers:
            latents = layer(latents, tokens)
        return self.proj(self.norm(latents))


class MLPConnector(nn.Sequential):
    def __init__(self, width, output_width):
        super().__init__(nn.Linear(width, output_width), nn.GELU(), nn.Linear(output_width, output_width))


class JointProjection(nn.Module):
    def __init__(self, image_width, text_width, dim):
        super().__init__()
        self.image_projection = nn.Linear(image_width, dim, bias=False)
        self.text_projection = nn.Linear(text_width, dim, bias=False)

    def forward(self, image, text):
        return {'image_features': F.normalize(self.image_projection(image), dim=-1),
                'text_features': F.normalize(self.text_projection(text), dim=-1)}


class ConcatFusion(nn.Module):
    def __init__(self, image_width, text_width, dim):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(image_width + text_width, dim), nn.GELU(), nn.Linear(dim, dim))

    def forward(self, image, text):
        return self.mlp(torch.cat([image, text], dim=-1))


class WeightedSumFusion(nn.Module):
    def __init__(self, image_width, text_width, dim):
        super().__init__()
        self.image_projection = nn.Linear(image_width, dim)
        self.text_projection = nn.Linear(text_width, dim)
        self.balance = nn.Parameter(torch.zeros(2))

    def forward(self, image, text):
        shares = self.balance.softmax(0)
        return shares[0] * self.image_projection(image) + shares[1] * self.text_projection(text)


class EncoderBlock(nn.Module):
    def __init__(self, width, num_heads):
        super().__init__()
        self.attn = nn.MultiheadAttention(width, num_heads, batch_first=True)
        self.ln_1 = nn.LayerNorm(width)
        self.mlp = FeedForward(width, 4 * width)
        self.ln_2 = nn.LayerNorm(width)

    def forward(self, x, padding):
        y = self.ln_1(x)
        x = x + self.attn(y, y, y, key_padding_mask=padding, need_weights=False)[0]
        return x + self.mlp(self.ln_2(x))


class Encoder(nn.Module):
    def __init__(self, width, layers, num_heads):
        super().__init__()
        self.resblocks = nn.ModuleList([EncoderBlock(width, num_heads) for _ in range(layers)])

    def forward(self, x, padding):
        for block in self.resblocks:
            x = block(x, padding)
        return x


class TransformerFusion(nn.Module):
    def __init__(self, image_width, text_width, dim, layers, num_heads):
        super().__init__()
        self.image_projection = nn.Linear(image_width, dim)
        self.text_projection = nn.Linear(text_width, dim)
        self.class_embedding = nn.Parameter(torch.randn(dim))
        self.modality_embedding = nn.Parameter(torch.randn(2, dim))
        self.transformer = Encoder(dim, layers, num_heads)

    def forward(self, image, text, lengths):
        tokens = torch.cat([
            self.class_embedding.expand(len(image), 1, -1),
            self.image_projection(image) + self.modality_embedding[0],
            self.text_projection(text) + self.modality_embedding[1]], dim=1)
        places = torch.arange(tokens.shape[1]) - (1 + image.shape[1])
        return self.transformer(tokens, places >= lengths[:, None])


class VectorQuantizer(nn.Module):
    """Straight through, commitment, and codes that follow running means. Dead codes do not restart, as that is random."""

    def __init__(self, codes, width, decay=0.99, eps=1e-5):
        super().__init__()
        self.codes, self.decay, self.eps = codes, decay, eps
        self.register_buffer('codebook', torch.randn(codes, width))
        self.register_buffer('cluster_size', torch.zeros(codes))
        self.register_buffer('cluster_sum', torch.zeros(codes, width))

    def forward(self, z):
        rows = z.flatten(0, -2)
        indices = torch.cdist(rows, self.codebook).argmin(1)
        nearest = self.codebook[indices].clone()
        quantized = rows + (nearest - rows).detach()
        uses = F.one_hot(indices, self.codes).to(z.dtype)
        share = uses.mean(0)
        if self.training:
            with torch.no_grad():
                self.cluster_size.lerp_(uses.sum(0), 1 - self.decay)
                self.cluster_sum.lerp_(uses.T @ rows, 1 - self.decay)
                total = self.cluster_size.sum()
                smoothed = (self.cluster_size + self.eps) / (total + self.codes * self.eps) * total
                self.codebook.copy_(self.cluster_sum / smoothed[:, None])
        return {'quantized': quantized.view_as(z), 'commitment': F.mse_loss(rows, nearest),
                'perplexity': torch.exp(-torch.special.xlogy(share, share).sum())}


class ResidualUnit(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        return x + self.conv2(F.relu(self.conv1(F.relu(x))))


class ConvEncoder(nn.Module):
    def __init__(self, width, halvings, blocks, latent_width):
        super().__init__()
        channels = [3, width // 2] + [width] * (halvings - 1)
        self.down = nn.ModuleList([nn.Conv2d(a, b, 4, stride=2, padding=1) for a, b in zip(channels, channels[1:])])
        self.blocks = nn.ModuleList([ResidualUnit(channels[-1]) for _ in range(blocks)])
        self.conv_out = nn.Conv2d(channels[-1], latent_width, 1)

    def forward(self, x):
        for conv in self.down:
            x = F.relu(conv(x))
        for block in self.blocks:
            x = block(x)
        return self.conv_out(F.relu(x))


class ConvDecoder(nn.Module):
    def __init__(self, width, halvings, blocks, latent_width):
        super().__init__()
        channels = ([width // 2] + [width] * (halvings - 1))[::-1] + [width // 2]
        self.conv_in = nn.Conv2d(latent_width, channels[0], 3, padding=1)
        self.blocks = nn.ModuleList([ResidualUnit(channels[0]) for _ in range(blocks)])
        self.up = nn.ModuleList([nn.Conv2d(a, b, 3, padding=1) for a, b in zip(channels, channels[1:])])
        self.conv_out = nn.Conv2d(channels[-1], 3, 3, padding=1)

    def forward(self, x):
        x = self.conv_in(x)
        for block in self.blocks:
            x = block(x)
        x = F.relu(x)
        for conv in self.up:
            x = F.relu(conv(F.interpolate(x, scale_factor=2, mode='nearest')))
        return self.conv_out(x)


class VQTokenizer(nn.Module):
    def __init__(self, image_size, patch_size, width, blocks, codes, code_width):
        super().__init__()
        halvings = patch_size.bit_length() - 1
        self.encoder = ConvEncoder(width, halvings, blocks, code_width)
        self.quantizer = VectorQuantizer(codes, code_width)
        self.decoder = ConvDecoder(width, halvings, blocks, code_width)

    def forward(self, images):
        result = self.quantizer(self.encoder(images).permute(0, 2, 3, 1))
        quantized = result.pop('quantized')
        return {'reconstruction': self.decoder(quantized.permute(0, 3, 1, 2)), **result}


def pairing(images, texts, concepts, duplicates):
    """bool [B, T]: the positives, and the ignored pairs. Text t belongs to image t * B // T."""
    own = torch.arange(images)[:, None] == torch.arange(texts) * images // texts
    if concepts is None or duplicates == 'keep':
        return own, torch.zeros_like(own)
    equal = concepts[:, None] == concepts.repeat_interleave(texts // images)[None, :]
    return (equal, torch.zeros_like(own)) if duplicates == 'share' else (own, equal & ~own)


class ContrastiveLoss(nn.Module):
    """OpenCLIP's ClipLoss: cross-entropy both ways; targets are spread evenly over several positives."""

    def __init__(self, duplicates='mask'):
        super().__init__()
        self.duplicates = duplicates

    def forward(self, image_features, text_features, logit_scale, concepts=None):
        logits = logit_scale * image_features @ text_features.T
        positive, ignored = pairing(*logits.shape, concepts, self.duplicates)
        logits = logits.masked_fill(ignored, -1e30)
        target = positive.to(logits.dtype)
        both = [F.cross_entropy(x, t / t.sum(1, keepdim=True)) for x, t in ((logits, target), (logits.T, target.T))]
        return sum(both) / 2


class SigLipLoss(nn.Module):
    """OpenCLIP's SigLipLoss: -log sigmoid(label * logit), labels 1 for pairs and -1 for all others, summed and divided by the number of texts."""

    def __init__(self, duplicates='mask'):
        super().__init__()
        self.duplicates = duplicates

    def forward(self, image_features, text_features, logit_scale, logit_bias, concepts=None):
        logits = logit_scale * image_features @ text_features.T + logit_bias
        positive, ignored = pairing(*logits.shape, concepts, self.duplicates)
        labels = 2 * positive.to(logits.dtype) - 1
        return -(F.logsigmoid(labels * logits) * ~ignored).sum() / logits.shape[1]
