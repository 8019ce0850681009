#!/usr/bin/env python3
"""
Compares two folders of reference cases: python3 scripts/reference/compare.py COMMITTED REGENERATED

They agree if cases, descriptions, names and shapes are the same; weights, inputs and cotangents are the same bits; and outputs,
gradients and state differ no more than between two builds of PyTorch: max |a - b| / max(max |b|, 1e-2) of at most 2e-5 in f32 and 1e-11 in f64.
"""
import json
import os
import sys

import torch

import safetensors_file

GIVEN = ('param/', 'buffer/', 'input/', 'cotangent/')
TOLERANCE = {torch.float32: 2e-5, torch.float64: 1e-11}


def cases_below(root):
    return {os.path.relpath(folder, root) for folder, _, files in os.walk(root) if 'case.json' in files}


def description(root, name):
    with open(os.path.join(root, name, 'case.json'), encoding='utf8') as file:
        return json.load(file)


def left_out_of(root):
    """The cases that the version of PyTorch that made the folder cannot make, with the reasons: see generate.py --allow-old."""
    path = os.path.join(root, 'left-out.json')
    if not os.path.exists(path):
        return {}
    with open(path, encoding='utf8') as file:
        return json.load(file)['cases']


def problems_of(name, first, second):
    if description(first, name) != description(second, name):
        yield 'case.json differs'
    a, b = (safetensors_file.load(os.path.join(root, name, 'tensors.safetensors'))[0] for root in (first, second))
    for key in sorted(a.keys() ^ b.keys()):
        yield f'{key}: only in {first if key in a else second}'
    for key in sorted(a.keys() & b.keys()):
        problem = compare(key, a[key], b[key])
        if problem:
            yield problem


def compare(key, a, b):
    """The difference between two tensors of the same name, in words, or None."""
    if (a.dtype, a.shape) != (b.dtype, b.shape):
        return f'{key}: {a.dtype} {list(a.shape)} and {b.dtype} {list(b.shape)}'
    if key.startswith(GIVEN) or a.dtype not in TOLERANCE:
        return None if torch.equal(a, b) else f'{key}: the bits differ'
    if not a.numel():
        return None
    error = float((a - b).abs().max() / b.abs().max().clamp(min=1e-2))
    return None if error <= TOLERANCE[a.dtype] else f'{key}: off by {error:.1e}, the limit is {TOLERANCE[a.dtype]:.0e}'


def main():
    first, second = sys.argv[1:]
    found = cases_below(first), cases_below(second)
    left_out = left_out_of(second)
    lone = (found[0] ^ found[1]) - left_out.keys()
    problems = [f'{name}: only in {first if name in found[0] else second}' for name in sorted(lone)]
    for name in sorted(found[0] & found[1]):
        problems += [f'{name}: {problem}' for problem in problems_of(name, first, second)]
    # An old version may lack some layers, but not most of them.
    if len(left_out) > len(found[0]) / 4:
        problems.append(f'{len(left_out)} of {len(found[0])} cases could not be made')
    for name, reason in left_out.items():
        print(f'{name}: left out: {reason.splitlines()[0]}')
    print('\n'.join(problems) or f'{len(found[0] & found[1])} cases agree, {len(left_out)} left out')
    sys.exit(1 if problems or not found[0] else 0)


if __name__ == '__main__':
    main()
