"""Vision Transformers, their parts and heads. The modules: vision_transformer.py, swin.py, vision_heads.py."""
import torch

from reference_case import Case, fill_at_random
from swin import PatchMerging, Swin, SwinBlock
from vision_heads import DetectionHead, DistillationLoss, GeneralizedIoU, SegmentationHead
from vision_transformer import (
    Attention, EncoderBlock, Interpolate, InterpolatePositions, MaskedAutoencoder, NaViT, PatchEmbed, ViT)


def picture(*size):
    return lambda numbers: {'image': numbers.normal(2, 3, *size)}


def packed(numbers):
    """Two sequences of two images each, the second one with padding."""
    def places(*grids):
        cells = [(k, r, c) for k, (rows, columns) in enumerate(grids) for r in range(rows) for c in range(columns)]
        return cells + [(-1, 0, 0)] * (8 - len(cells))

    table = torch.tensor([places((2, 3), (1, 2)), places((3, 1), (2, 2))], dtype=torch.int32)
    return {'patches': numbers.normal(2, 8, 12), 'image': table[..., 0].clone(), 'row': table[..., 1].clone(),
            'column': table[..., 2].clone()}


def boxes(numbers):
    corner, size = numbers.uniform(6, 4, low=0.0, high=0.6), numbers.uniform(6, 4, low=0.1, high=0.4)
    return {'a': torch.cat([corner[:, :2], corner[:, :2] + size[:, :2]], dim=1),
            'b': torch.cat([corner[:, 2:], corner[:, 2:] + size[:, 2:]], dim=1)}


def fill_vectors(module, numbers):
    """As by default, and parameters that are not weights of a layer (tokens, positions, tables) with deviation 0.3."""
    fill_at_random(module, numbers)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if name.split('.')[-1].endswith(('token', 'embed', 'table', 'query')):
                parameter.copy_(numbers.normal(*parameter.shape, std=0.3))


def case(name, module, build, inputs, outputs=('out',), dtype='f64', **config):
    return Case(name, module=module, config=config, build=build, inputs=inputs, outputs=outputs, dtype=dtype, fill=fill_vectors)


def resize(name, size, mode, **options):
    return case(f'interpolate-{name}-f64', 'Interpolate', Interpolate, lambda numbers: {'x': numbers.normal(2, 2, 5, 7)},
                size=size, mode=mode, **options)


def vit(name, outputs=('out',), dtype='f64', size=(4, 6), **options):
    config = {'image_size': [4, 6], 'patch_size': 2, 'width': 8, 'depth': 1, 'heads': 2, 'classes': 5, **options}
    return case(name, 'ViT', ViT, picture(*size), outputs=outputs, dtype=dtype, **config)


def tokens(*shape):
    return lambda numbers: {'x': numbers.normal(*shape)}


def distillation(kind):
    return case(f'distillation-{kind}-f64', 'DistillationLoss', DistillationLoss,
                lambda numbers: {'logits': numbers.normal(4, 5), 'distillation': numbers.normal(4, 5), 'teacher': numbers.normal(4, 5),
                                 'labels': numbers.integers(4, below=5)}, kind=kind, alpha=0.4, temperature=2.5)


def masked_autoencoder(name, dtype, **options):
    config = {'image_size': [4, 6], 'patch_size': 2, 'width': 8, 'depth': 1, 'heads': 2, 'decoder_width': 4, 'decoder_depth': 1,
              'decoder_heads': 2, 'mask_ratio': 0.5, **options}
    return case(name, 'MaskedAutoencoder', MaskedAutoencoder,
                lambda numbers: {'image': numbers.normal(2, 3, 4, 6), 'noise': numbers.uniform(2, 6)},
                outputs=('prediction', 'mask', 'loss'), dtype=dtype, **config)


def navit(name, **options):
    config = {'patch_size': 2, 'width': 8, 'depth': 1, 'heads': 2, 'max_grid': 4, 'classes': 3, 'slots': 2, **options}
    return case(name, 'NaViT', NaViT, packed, **config)


CASES = [
    resize('nearest', [9, 4], 'nearest'),
    resize('bilinear', [9, 4], 'bilinear'),
    resize('bilinear-aligned', [9, 4], 'bilinear', align_corners=True),
    resize('bilinear-antialiased', [2, 9], 'bilinear', antialias=True),
    resize('bicubic', [9, 4], 'bicubic'),
    resize('bicubic-aligned', [9, 4], 'bicubic', align_corners=True),
    resize('bicubic-antialiased', [2, 11], 'bicubic', antialias=True),
    case('positions-14-to-28', 'InterpolatePositions', InterpolatePositions, lambda numbers: {'positions': numbers.normal(1, 197, 2)},
         dtype='f32', old=[14, 14], new=[28, 28], prefix=1),
    case('positions-rectangular-f64', 'InterpolatePositions', InterpolatePositions,
         lambda numbers: {'positions': numbers.normal(1, 14, 3)}, old=[3, 4], new=[5, 2], prefix=2),
    case('positions-bilinear-f64', 'InterpolatePositions', InterpolatePositions,
         lambda numbers: {'positions': numbers.normal(1, 13, 3)}, old=[3, 4], new=[6, 8], prefix=1, mode='bilinear', antialias=False),
    case('patch-embed-f64', 'PatchEmbed', PatchEmbed, picture(8, 12), width=6, patch_size=4, norm=True),
    case('vit-attention-f64', 'Attention', Attention, tokens(2, 7, 12), width=12, heads=3),
    case('vit-attention-rotary-f64', 'Attention', Attention, tokens(2, 7, 16), width=16, heads=2, rotary_grid=[2, 3], prefix=1),
    case('vit-block-pre-f64', 'EncoderBlock', EncoderBlock, tokens(2, 5, 8), width=8, heads=2, layer_scale=0.1),
    case('vit-block-post-f64', 'EncoderBlock', EncoderBlock, tokens(2, 5, 8), width=8, heads=2, norm='post', mlp_ratio=3),
    vit('vit-plain', dtype='f32', depth=2),
    vit('vit-post-norm-f64', norm='post', depth=2),
    vit('vit-mean-f64', readout='mean', layer_scale=0.1),
    vit('vit-other-size-f64', size=(6, 10)),
    vit('vit-rotary-f64', positions='rotary'),
    vit('vit-sinusoidal-f64', positions='sinusoidal'),
    vit('vit-2d-sum-f64', positions='2d-sum'),
    vit('vit-2d-concat-f64', positions='2d-concat'),
    vit('deit-f64', distilled=True, outputs=('logits', 'distillation')),
    distillation('hard'),
    distillation('soft'),
    masked_autoencoder('mae', 'f32'),
    masked_autoencoder('mae-plain-pixels-f64', 'f64', norm_pix_loss=False),
    case('swin-block-f64', 'SwinBlock', SwinBlock, tokens(2, 4, 4, 8), width=8, heads=2, window=2, shift=0),
    case('swin-block-shifted-f64', 'SwinBlock', SwinBlock, tokens(2, 6, 6, 8), width=8, heads=2, window=3, shift=1),
    case('swin-block-padded-f64', 'SwinBlock', SwinBlock, tokens(1, 5, 7, 8), width=8, heads=2, window=4, shift=2),
    case('patch-merging-f64', 'PatchMerging', PatchMerging, tokens(2, 4, 5, 3), width=3),
    case('swin', 'Swin', Swin, picture(24, 24), dtype='f32', image_size=24, patch_size=2, width=4, depths=[2, 2, 1], heads=[1, 2, 4],
         window=4, classes=3),
    case('detection-head-f64', 'DetectionHead', DetectionHead, tokens(2, 6, 8), outputs=('boxes', 'logits'), width=8, classes=3,
         grid=[2, 3]),
    case('segmentation-head-f64', 'SegmentationHead', SegmentationHead, tokens(2, 6, 8), width=8, classes=3, grid=[2, 3],
         size=[7, 12]),
    case('generalized-iou-f64', 'GeneralizedIoU', GeneralizedIoU, boxes),
    navit('navit-f64'),
    navit('navit-mean-f64', pool='mean'),
    navit('navit-rotary-f64', positions='rotary'),
]
