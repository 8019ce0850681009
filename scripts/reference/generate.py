#!/usr/bin/env python3
"""
Makes reference cases with PyTorch (1.13 or later, CPU), in the format of docs/reference-cases.md.

    python3 scripts/reference/generate.py OUT [--only NAME]... [--module FILE.case.ts]...
    npm run reference -- OUT

The cases are declared in TypeScript, in a file NAME.case.ts next to each layer, and read by Node (npm install must have run). An entry
names its PyTorch side in Python: `torch: 'nn.GroupNorm'`. Such an expression may use torch, nn, F, the modules of
scripts/reference/modules and, with --module, Python files in the folder of the TypeScript file.

Weights and inputs are the same bits with every version of PyTorch; outputs and gradients differ in the last bits.
compare.py tells whether two folders of cases agree.
"""
import argparse
import fnmatch
import json
import os
import subprocess
import sys

import torch

from reference_case import Case, evaluate, make_inputs, write

HERE = os.path.dirname(os.path.abspath(__file__))
REPOSITORY = os.path.dirname(os.path.dirname(HERE))


def read_descriptions(files):
    """The cases of the files, or of all case files of the repository, as Node describes them: a list of dictionaries."""
    node = os.path.join(REPOSITORY, 'node_modules', '.bin', 'node')
    script = os.path.join(REPOSITORY, 'scripts', 'src', 'reference-manifest.ts')
    command = [node if os.path.exists(node) else 'node', '--conditions=tessera-source', script, *map(os.path.abspath, files)]
    result = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if result.returncode != 0:
        sys.exit(f'generate.py: the case files could not be read: {" ".join(command)}')
    return json.loads(result.stdout)


def case_of(description):
    """The case of a description."""
    return Case(
        name=description['name'],
        module=description['module'],
        config=description['config'],
        build=evaluate(description['build']),
        inputs=make_inputs(description['inputs']),
        outputs=tuple(description['outputs']),
        forward=evaluate(description['forward']),
        mode=description['mode'],
        dtype=description['dtype'],
        fill=evaluate(description['fill']),
    )


def main():
    parser = argparse.ArgumentParser(description='Makes reference cases with PyTorch.')
    parser.add_argument('out', help='folder for the cases, one folder each')
    parser.add_argument('--only', action='append', metavar='NAME', help='cases by name; * matches any characters')
    parser.add_argument('--module', action='append', default=[], metavar='FILE', help='file NAME.case.ts [default: all of the repository]')
    parser.add_argument('--layers', action='store_true', help='also write the outputs of all layers, to find the first one that differs')
    parser.add_argument(
        '--allow-old', action='store_true', help='list cases that this version of PyTorch cannot make in OUT/left-out.json, instead of failing'
    )
    options = parser.parse_args()
    sys.path[:0] = [os.path.join(HERE, 'modules'), *(os.path.dirname(os.path.abspath(file)) for file in options.module)]
    descriptions = read_descriptions(options.module)
    names = [description['name'] for description in descriptions]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        sys.exit(f'cases of the same name: {", ".join(sorted(twice))}')
    chosen = [d for d in descriptions if not options.only or any(fnmatch.fnmatch(d['name'], pattern) for pattern in options.only)]
    if not chosen:
        sys.exit(f'no case matches; there are {", ".join(names)}')
    torch.set_num_threads(1)
    left_out = {}
    for description in chosen:
        try:
            print(write(case_of(description), options.out, options.layers))
        except Exception as error:
            if not options.allow_old:
                raise
            left_out[description['name']] = f'{type(error).__name__}: {error}'
            print(f'{description["name"]}: left out: {left_out[description["name"]]}')
    if left_out:
        with open(os.path.join(options.out, 'left-out.json'), 'w', encoding='utf8') as file:
            json.dump({'torch': torch.__version__, 'cases': left_out}, file, indent=1)


if __name__ == '__main__':
    main()
