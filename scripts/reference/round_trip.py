#!/usr/bin/env python3
"""
Converts a safetensors file with PyTorch: reads it, loads the tensors into a module with load_state_dict, and saves that module's
state_dict with torch.save.

    python3 scripts/reference/round_trip.py IN.safetensors OUT.pt OUT-IN-THE-FORMAT-BEFORE-1.6.pt
"""
import argparse
import collections

import torch

import safetensors_file


def module_of(tensors):
    """A module with a parameter or buffer under each name."""
    root = torch.nn.Module()
    for path, tensor in tensors.items():
        *parents, name = path.split('.')
        module = root
        for parent in parents:
            if parent not in module._modules:
                module.add_module(parent, torch.nn.Module())
            module = module._modules[parent]
        if tensor.is_floating_point():
            module.register_parameter(name, torch.nn.Parameter(torch.full_like(tensor, float('nan'))))
        else:
            module.register_buffer(name, torch.zeros_like(tensor))
    return root


def main():
    parser = argparse.ArgumentParser(description='Converts a safetensors file with PyTorch.')
    parser.add_argument('source')
    parser.add_argument('target')
    parser.add_argument('legacy', help='the same in the format before PyTorch 1.6')
    options = parser.parse_args()
    tensors, _ = safetensors_file.load(options.source)
    module = module_of(tensors)
    module.load_state_dict(collections.OrderedDict(tensors), strict=True)
    torch.save(module.state_dict(), options.target)
    torch.save(module.state_dict(), options.legacy, _use_new_zipfile_serialization=False)


if __name__ == '__main__':
    main()
