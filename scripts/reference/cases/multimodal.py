"""Two modalities, discrete tokens, and losses between pairs. The modules: multimodal.py."""
import torch

from multimodal import (
    CoAttentionBlock, ConcatFusion, ContrastiveLoss, CrossAttention, GatedCrossAttentionBlock, JointProjection, MLPConnector,
    PerceiverResampler, SigLipLoss, TransformerFusion, VectorQuantizer, VQTokenizer, WeightedSumFusion)
from reference_case import Case, fill_at_random


def sequences(image_width, text_width, lengths=False):
    def make(numbers):
        both = {'image': numbers.normal(2, 5, image_width), 'text': numbers.normal(2, 4, text_width)}
        return {**both, 'lengths': torch.tensor([4, 2], dtype=torch.int32)} if lengths else both
    return make


def vectors(numbers):
    return {'image': numbers.normal(3, 6), 'text': numbers.normal(3, 4)}


def fill_codes(module, numbers):
    """Codes among the vectors, and counts as after some steps; open gates and the like as by default."""
    fill_at_random(module, numbers)
    quantizer = getattr(module, 'quantizer', module)
    quantizer.codebook.copy_(numbers.normal(*quantizer.codebook.shape))
    quantizer.cluster_size.copy_(numbers.uniform(*quantizer.cluster_size.shape, low=1.0, high=3.0))
    quantizer.cluster_sum.copy_(numbers.normal(*quantizer.cluster_sum.shape))


def pairs(captions=1, bias=False, concepts=True):
    def make(numbers):
        inputs = {'image_features': numbers.normal(6, 5, std=0.4),
                  'text_features': numbers.normal(6 * captions, 5, std=0.4),
                  'logit_scale': numbers.uniform(low=5.0, high=9.0)}
        if bias:
            inputs['logit_bias'] = numbers.uniform(low=-4.0, high=-2.0)
        if concepts:
            inputs['concepts'] = torch.tensor([0, 1, 0, 2, 1, 0], dtype=torch.int32)
        return inputs
    return make


def case(name, module, build, inputs, outputs=('out',), mode='train', fill=None, **config):
    return Case(f'{name}-f64', module=module, build=build, inputs=inputs, outputs=outputs, mode=mode, fill=fill, config=config, dtype='f64')


RULES = ('keep', 'mask', 'share')

CASES = [
    case('cross-attention', 'CrossAttention', CrossAttention, sequences(8, 6), width=8, num_heads=2, context_width=6),
    case('co-attention', 'CoAttentionBlock', CoAttentionBlock, sequences(8, 6, lengths=True), outputs=('image', 'text'),
         image_width=8, text_width=6, num_heads=2),
    case('gated-cross-attention', 'GatedCrossAttentionBlock', GatedCrossAttentionBlock, sequences(8, 6), width=8, num_heads=2,
         context_width=6),
    case('perceiver-resampler', 'PerceiverResampler', PerceiverResampler, lambda numbers: {'tokens': numbers.normal(2, 7, 6)},
         width=6, output_width=5, latents=3, layers=2, num_heads=2, head_width=4),
    case('mlp-connector', 'MLPConnector', MLPConnector, lambda numbers: {'tokens': numbers.normal(2, 7, 6)}, width=6, output_width=5),
    case('joint-projection', 'JointProjection', JointProjection, vectors, outputs=('image_features', 'text_features'),
         image_width=6, text_width=4, dim=5),
    case('concat-fusion', 'ConcatFusion', ConcatFusion, vectors, image_width=6, text_width=4, dim=5),
    case('weighted-sum-fusion', 'WeightedSumFusion', WeightedSumFusion, vectors, image_width=6, text_width=4, dim=5),
    case('transformer-fusion', 'TransformerFusion', TransformerFusion, sequences(6, 5, lengths=True), image_width=6, text_width=5,
         dim=8, layers=2, num_heads=2),
    case('vector-quantizer', 'VectorQuantizer', VectorQuantizer, lambda numbers: {'z': numbers.normal(2, 9, 3)},
         outputs=('quantized', 'commitment', 'perplexity'), fill=fill_codes, codes=7, width=3, decay=0.9),
    case('vector-quantizer-eval', 'VectorQuantizer', VectorQuantizer, lambda numbers: {'z': numbers.normal(2, 9, 3)},
         outputs=('quantized', 'commitment', 'perplexity'), mode='eval', fill=fill_codes, codes=7, width=3),
    case('vq-tokenizer', 'VQTokenizer', VQTokenizer, lambda numbers: {'images': numbers.normal(2, 3, 8, 8)},
         outputs=('reconstruction', 'commitment', 'perplexity'), fill=fill_codes, image_size=8, patch_size=4, width=6, blocks=1,
         codes=7, code_width=3),
    case('contrastive-loss', 'ContrastiveLoss', ContrastiveLoss, pairs(concepts=False)),
    *[case(f'contrastive-loss-{rule}', 'ContrastiveLoss', ContrastiveLoss, pairs(captions=2), duplicates=rule) for rule in RULES],
    case('siglip-loss', 'SigLipLoss', SigLipLoss, pairs(bias=True, concepts=False)),
    *[case(f'siglip-loss-{rule}', 'SigLipLoss', SigLipLoss, pairs(captions=2, bias=True), duplicates=rule) for rule in RULES],
]
