#!/usr/bin/env python3
"""Writes the numbers that the tests of optimizers, schedules, clipping and averages of weights compare with.

    python3 scripts/reference/training.py packages/train/src/optim/testing/torch-numbers.json

Needs PyTorch 2.5 or later (for Adafactor) and timm (for LAMB, LARS and Lion, which PyTorch does not have). Parameters and gradients follow
from a formula with whole numbers, `draw`, which the tests repeat, so that only results are stored.
"""
import importlib
import json
import math
import os
import sys
import types

import torch

SHAPES = [[3, 4], [5], [], [2, 1, 3]]
STEPS = 8


def draw(salt, count):
    """Numbers in [-1, 1), the same bits in Python and JavaScript."""
    return [((k * 7919 + salt * 104729) % 2003) / 1001.5 - 1 for k in range(1, count + 1)]


def tensor(salt, shape, dtype):
    return torch.tensor(draw(salt, math.prod(shape)), dtype=torch.float64).reshape(shape).to(dtype)


def timm_class(module, name):
    """A class of timm.optim, without what the package itself imports."""
    import importlib.util

    if 'timm.optim' not in sys.modules:
        folder = os.path.dirname(importlib.util.find_spec('timm').origin)
        for package, path in (('timm', folder), ('timm.optim', os.path.join(folder, 'optim'))):
            stub = types.ModuleType(package)
            stub.__path__ = [path]
            sys.modules[package] = stub
    return getattr(importlib.import_module(f'timm.optim.{module}'), name)


# Whether parameter k has a gradient in step n, both from 0.
PATTERNS = {
    'all': lambda k, n: True,
    # The first one begins late, the second one has none, the third one has one in every other step.
    'missing': lambda k, n: (k == 0 and n >= 3) or (k == 2 and n % 2 == 0) or k == 3,
    # As 'all', and each parameter is in a group of its own: GROUPS.
    'groups': lambda k, n: True,
}

# For each parameter a factor on the rate, and a weight decay; None: that of the optimizer.
GROUPS = [(1, None), (0.1, 0), (0, None), (0.5, 0.25)]


def rate(step):
    return 1 + 0.25 * step


def train(make, dtype, pattern):
    """The parameters after STEPS steps, and after each step whose rate is a multiple of the optimizer's own."""
    parameters = [torch.nn.Parameter(tensor(10 + k, shape, dtype)) for k, shape in enumerate(SHAPES)]
    optimizer = make(parameters)
    if pattern == 'groups':
        optimizer = make([group_of(p, optimizer, *GROUPS[k]) for k, p in enumerate(parameters)])
    bases = [group['lr'] for group in optimizer.param_groups]
    for n in range(STEPS):
        for k, (p, shape) in enumerate(zip(parameters, SHAPES)):
            p.grad = tensor(100 * (n + 1) + k, shape, dtype) if PATTERNS[pattern](k, n) else None
        for group, base in zip(optimizer.param_groups, bases):
            group['lr'] = base * rate(n)
        optimizer.step()
    return [round_to(v, dtype) for p in parameters for v in p.detach().reshape(-1).tolist()]


def group_of(parameter, optimizer, lr_scale, weight_decay):
    own = {} if weight_decay is None or 'weight_decay' not in optimizer.defaults else {'weight_decay': weight_decay}
    return {'params': [parameter], 'lr': optimizer.defaults['lr'] * lr_scale, **own}


def round_to(value, dtype):
    return float(f'{value:.9g}') if dtype == torch.float32 else value


O = torch.optim
both = ('all', 'missing')
OPTIMIZERS = [
    # name here, PyTorch's class, options, patterns
    ('SGD', O.SGD, {'lr': 0.1}, both),
    ('SGD', O.SGD, {'lr': 0.1, 'momentum': 0.9, 'weight_decay': 0.1}, both),
    ('SGD', O.SGD, {'lr': 0.1, 'momentum': 0.9, 'dampening': 0.3}, both),
    ('SGD', O.SGD, {'lr': 0.1, 'momentum': 0.9, 'nesterov': True, 'maximize': True}, ('all',)),
    ('Adam', O.Adam, {}, both),
    ('Adam', O.Adam, {'lr': 0.02, 'betas': (0.8, 0.95), 'eps': 1e-3, 'weight_decay': 0.1, 'maximize': True}, ('all',)),
    ('Adam', O.Adam, {'lr': 0.02, 'weight_decay': 0.1, 'amsgrad': True}, both),
    ('AdamW', O.AdamW, {}, both),
    ('AdamW', O.AdamW, {'lr': 0.02, 'betas': (0.9, 0.98), 'eps': 1e-6, 'weight_decay': 0.2}, both),
    ('AdamW', O.AdamW, {'lr': 0.02, 'betas': (0.0, 0.9), 'amsgrad': True, 'maximize': True}, both),
    ('NAdam', O.NAdam, {}, both),
    ('NAdam', O.NAdam, {'lr': 0.02, 'betas': (0.8, 0.95), 'weight_decay': 0.1, 'momentum_decay': 0.1}, both),
    ('NAdam', O.NAdam, {'lr': 0.02, 'weight_decay': 0.1, 'decoupled_weight_decay': True, 'maximize': True}, ('all',)),
    ('RAdam', O.RAdam, {}, both),
    ('RAdam', O.RAdam, {'lr': 0.02, 'betas': (0.8, 0.95), 'eps': 1e-3, 'weight_decay': 0.1}, both),
    ('RAdam', O.RAdam, {'lr': 0.02, 'betas': (0.9, 0.5), 'weight_decay': 0.1, 'decoupled_weight_decay': True}, ('all',)),
    ('RAdam', O.RAdam, {'lr': 0.02, 'betas': (0.9, 0.9999), 'maximize': True}, ('all',)),
    ('RMSprop', O.RMSprop, {}, both),
    ('RMSprop', O.RMSprop, {'alpha': 0.9, 'eps': 1e-3, 'weight_decay': 0.1, 'momentum': 0.8}, both),
    ('RMSprop', O.RMSprop, {'centered': True, 'momentum': 0.5, 'maximize': True}, both),
    ('Adagrad', O.Adagrad, {}, both),
    ('Adagrad', O.Adagrad, {'lr': 0.1, 'lr_decay': 0.1, 'weight_decay': 0.1, 'initial_accumulator_value': 0.5}, both),
    ('Adagrad', O.Adagrad, {'eps': 0.1, 'maximize': True}, ('all',)),
    ('Adadelta', O.Adadelta, {}, both),
    ('Adadelta', O.Adadelta, {'lr': 0.5, 'rho': 0.8, 'eps': 1e-3, 'weight_decay': 0.1, 'maximize': True}, both),
    ('Adamax', O.Adamax, {}, both),
    ('Adamax', O.Adamax, {'lr': 0.02, 'betas': (0.8, 0.9), 'eps': 1e-3, 'weight_decay': 0.1, 'maximize': True}, both),
    ('Rprop', O.Rprop, {}, both),
    ('Rprop', O.Rprop, {'lr': 0.05, 'etas': (0.4, 1.5), 'step_sizes': (0.03, 0.1), 'maximize': True}, ('all',)),
    ('Adafactor', O.Adafactor, {}, both),
    ('Adafactor', O.Adafactor, {'lr': 0.2, 'beta2_decay': -0.5, 'eps': (1e-3, 0.1), 'd': 1.5, 'weight_decay': 0.1, 'maximize': True}, both),
    ('Lion', ('lion', 'Lion'), {}, both),
    ('Lion', ('lion', 'Lion'), {'lr': 0.02, 'betas': (0.8, 0.9), 'weight_decay': 0.3, 'maximize': True}, ('all',)),
    ('LAMB', ('lamb', 'Lamb'), {}, ('all',)),
    ('LAMB', ('lamb', 'Lamb'), {'lr': 0.02, 'betas': (0.8, 0.95), 'weight_decay': 0.1, 'max_grad_norm': None, 'trust_clip': True}, ('all',)),
    ('LAMB', ('lamb', 'Lamb'), {'weight_decay': 0.0, 'always_adapt': True, 'bias_correction': False, 'grad_averaging': False}, ('all',)),
    ('LARS', ('lars', 'Lars'), {}, both),
    ('LARS', ('lars', 'Lars'), {'lr': 0.5, 'momentum': 0.9, 'dampening': 0.2, 'weight_decay': 0.1, 'trust_coeff': 0.02}, both),
    ('LARS', ('lars', 'Lars'), {'momentum': 0.9, 'nesterov': True, 'trust_coeff': 0.1, 'trust_clip': True, 'always_adapt': True}, ('all',)),
]


# One of each with groups of parameters.
OPTIMIZERS += [
    (name, cls, options, ('groups',))
    for name, (cls, options) in {name: (cls, options) for name, cls, options, _ in OPTIMIZERS}.items()
]


def optimizers():
    for name, cls, options, patterns in OPTIMIZERS:
        if isinstance(cls, tuple):
            cls = timm_class(*cls)
        for pattern in patterns:
            yield {
                'name': name,
                'options': options,
                'pattern': pattern,
                'f64': train(lambda p: cls(p, **options), torch.float64, pattern),
                'f32': train(lambda p: cls(p, **options), torch.float32, pattern),
            }


L = O.lr_scheduler
SCHEDULES = [
    # name here, options here, PyTorch's scheduler with a rate of 0.1, number of steps
    ('stepLR', {'stepSize': 3, 'gamma': 0.5}, lambda o: L.StepLR(o, 3, 0.5), 12),
    ('multiStepLR', {'milestones': [2, 5, 5, 9]}, lambda o: L.MultiStepLR(o, [2, 5, 5, 9]), 12),
    ('exponentialLR', {'gamma': 0.9}, lambda o: L.ExponentialLR(o, 0.9), 12),
    ('polynomialLR', {'totalIters': 8, 'power': 1.5}, lambda o: L.PolynomialLR(o, 8, 1.5), 12),
    ('polynomialLR', {}, lambda o: L.PolynomialLR(o), 8),
    ('linearLR', {'startFactor': 0.25, 'endFactor': 0.5, 'totalIters': 4}, lambda o: L.LinearLR(o, 0.25, 0.5, 4), 8),
    ('constantLR', {'factor': 0.5, 'totalIters': 3}, lambda o: L.ConstantLR(o, 0.5, 3), 6),
    ('cosineAnnealingLR', {'tMax': 5, 'etaMin': 0.01}, lambda o: L.CosineAnnealingLR(o, 5, 0.01), 14),
    ('cosineAnnealingWarmRestarts', {'t0': 4, 'tMult': 2, 'etaMin': 0.01}, lambda o: L.CosineAnnealingWarmRestarts(o, 4, 2, 0.01), 20),
    ('cosineAnnealingWarmRestarts', {'t0': 3}, lambda o: L.CosineAnnealingWarmRestarts(o, 3), 10),
    ('oneCycleLR', {'totalSteps': 20}, lambda o: L.OneCycleLR(o, 0.1, 20, cycle_momentum=False), 20),
    ('oneCycleLR', {'totalSteps': 17, 'pctStart': 0.25, 'annealStrategy': 'linear', 'divFactor': 10, 'finalDivFactor': 100, 'threePhase': True},
     lambda o: L.OneCycleLR(o, 0.1, 17, pct_start=0.25, anneal_strategy='linear', cycle_momentum=False, div_factor=10, final_div_factor=100, three_phase=True), 17),
    ('sequentialLR', {}, lambda o: L.SequentialLR(o, [L.LinearLR(o, 0.25, 1.0, 3), L.ExponentialLR(o, 0.5)], [4]), 9),
]


def rates(make, steps):
    optimizer = O.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    scheduler = make(optimizer)
    for _ in range(steps):
        yield optimizer.param_groups[0]['lr']
        optimizer.step()
        scheduler.step()


def schedules():
    for name, options, make, steps in SCHEDULES:
        yield {'name': name, 'options': options, 'rates': list(rates(make, steps))}


PLATEAUS = [
    {},
    {'mode': 'max', 'factor': 0.5, 'patience': 1},
    {'factor': 0.5, 'patience': 0, 'cooldown': 2, 'min_lr': 0.02},
    {'factor': 0.3, 'patience': 1, 'threshold': 0.2, 'threshold_mode': 'abs'},
]


def plateaus():
    values = [1, 0.9, 0.95, 0.9, 0.8, 0.85, 0.9, float('nan'), 0.7, 0.7, 0.71, 0.9, 1.2, 0.9, 0.6] + [0.7] * 14
    for options in PLATEAUS:
        optimizer = O.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
        scheduler = L.ReduceLROnPlateau(optimizer, **options)
        found = []
        for value in values:
            scheduler.step(value)
            found.append(optimizer.param_groups[0]['lr'])
        yield {'options': options, 'values': [None if math.isnan(v) else v for v in values], 'rates': found}


def clipping():
    for norm_type in (1.0, 2.0, 3.0, 0.5, math.inf):
        parameters = [torch.nn.Parameter(tensor(k, shape, torch.float64)) for k, shape in enumerate(SHAPES)]
        for k, (p, shape) in enumerate(zip(parameters, SHAPES)):
            p.grad = tensor(100 + k, shape, torch.float64)
        norm = torch.nn.utils.clip_grad_norm_(parameters, 1.5, norm_type)
        yield {
            'normType': 'inf' if norm_type == math.inf else norm_type,
            'norm': norm.item(),
            'gradients': [v for p in parameters for v in p.grad.reshape(-1).tolist()],
        }


def averages():
    utils = O.swa_utils
    for name, options, average in (
        ('swa', {}, {}),
        ('ema', {'decay': 0.9}, {'multi_avg_fn': utils.get_ema_multi_avg_fn(0.9)}),
        ('ema of buffers', {'decay': 0.7, 'useBuffers': True}, {'multi_avg_fn': utils.get_ema_multi_avg_fn(0.7), 'use_buffers': True}),
    ):
        model = torch.nn.BatchNorm2d(3).double()
        averaged = utils.AveragedModel(model, **average)
        for n in range(5):
            with torch.no_grad():
                model.weight.copy_(tensor(20 + n, [3], torch.float64))
                model.bias.copy_(tensor(30 + n, [3], torch.float64))
            model(tensor(40 + n, [4, 3, 2, 2], torch.float64))
            averaged.update_parameters(model)
        state = {key: value.reshape(-1).tolist() for key, value in averaged.state_dict().items()}
        batches = [tensor(60 + n, [4, 3, 2, 2], torch.float64) for n in range(3)]
        utils.update_bn(batches, averaged)
        updated = {key: value.reshape(-1).tolist() for key, value in averaged.state_dict().items() if 'running' in key or 'num' in key}
        yield {'name': name, 'options': options, 'state': state, 'updated': updated}


if __name__ == '__main__':
    numbers = {
        'torch': torch.__version__,
        'shapes': SHAPES,
        'steps': STEPS,
        'optimizers': list(optimizers()),
        'schedules': list(schedules()),
        'plateaus': list(plateaus()),
        'clipping': list(clipping()),
        'averages': list(averages()),
    }
    sections = ',\n'.join(
        f'{json.dumps(key)}: ' + ('[\n' + ',\n'.join(json.dumps(v, separators=(',', ':')) for v in value) + '\n]' if key in ('optimizers', 'schedules', 'plateaus', 'clipping', 'averages') else json.dumps(value))
        for key, value in numbers.items()
    )
    with open(sys.argv[1], 'w') as file:
        file.write('{\n' + sections + '\n}\n')
