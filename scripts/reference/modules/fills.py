"""Weights of modules for which `fill_at_random` is not enough."""
import torch

from reference_case import fill_at_random


def fill_vectors(module, numbers):
    """As by default, and parameters that are not weights of a layer (tokens, positions, tables) with deviation 0.3."""
    fill_at_random(module, numbers)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if name.split('.')[-1].endswith(('token', 'embed', 'table', 'query')):
                parameter.copy_(numbers.normal(*parameter.shape, std=0.3))


def fill_codes(module, numbers):
    """As by default, and the codes of a vector quantizer drawn like the vectors, with counts as after some steps."""
    fill_at_random(module, numbers)
    quantizer = getattr(module, 'quantizer', module)
    quantizer.codebook.copy_(numbers.normal(*quantizer.codebook.shape))
    quantizer.cluster_size.copy_(numbers.uniform(*quantizer.cluster_size.shape, low=1.0, high=3.0))
    quantizer.cluster_sum.copy_(numbers.normal(*quantizer.cluster_sum.shape))
