#!/usr/bin/env python3
"""
Makes reference cases with PyTorch (1.13 or later, CPU), in the format of docs/reference-cases.md.

    python3 scripts/reference/generate.py OUT [--only NAME]... [--family FILE.py]...
    npm run reference -- OUT

Each file of scripts/reference/cases is a family: it has a list `CASES` of `Case` (see reference_case.py). To add a family, write
such a file; to hold a layer of your own against PyTorch, write one anywhere and name it with --family:

    # group_norm.py
    import torch
    from reference_case import Case

    CASES = [
        Case('group-norm', module='GroupNorm', config={'num_groups': 2, 'num_channels': 6}, build=torch.nn.GroupNorm,
             inputs=lambda numbers: {'x': numbers.normal(3, 6, 5, 5)}),
    ]

Weights and inputs are the same bits whatever the version of PyTorch; outputs and gradients differ in the last bits.
compare.py says whether two folders of cases agree.
"""
import argparse
import fnmatch
import importlib.util
import os
import sys

import torch

from reference_case import write

HERE = os.path.dirname(os.path.abspath(__file__))


def load_family(path):
    """The cases that a family's file lists."""
    spec = importlib.util.spec_from_file_location(os.path.splitext(os.path.basename(path))[0], path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.CASES


def main():
    parser = argparse.ArgumentParser(description='Makes reference cases with PyTorch.')
    parser.add_argument('out', help='folder for the cases, one folder each')
    parser.add_argument('--only', action='append', metavar='NAME', help='cases by name; * stands for anything')
    parser.add_argument('--family', action='append', metavar='FILE', help='file with cases [default: all of cases/]')
    options = parser.parse_args()
    built_in = os.path.join(HERE, 'cases')
    files = options.family or sorted(os.path.join(built_in, f) for f in os.listdir(built_in) if f.endswith('.py'))
    cases = [case for file in files for case in load_family(file)]
    twice = {case.name for case in cases if [other.name for other in cases].count(case.name) > 1}
    if twice:
        sys.exit(f'cases of the same name: {", ".join(sorted(twice))}')
    chosen = [c for c in cases if not options.only or any(fnmatch.fnmatch(c.name, pattern) for pattern in options.only)]
    if not chosen:
        sys.exit(f'no case matches; there are {", ".join(case.name for case in cases)}')
    torch.set_num_threads(1)
    for case in chosen:
        print(write(case, options.out))


if __name__ == '__main__':
    main()
