/** Check cases of padding. */
import { functionCase, type LayerCase, layerCase, normal } from '../cases/index.ts';
import type { Module } from '../module/module.ts';
import * as layers from './padding.ts';

const modes = ['constant', 'reflect', 'replicate', 'circular'] as const satisfies readonly layers.PadMode[];
const shapes = { 1: [2, 3, 5], 2: [2, 3, 5, 4], 3: [1, 2, 3, 5, 4] } as const;
const widths = { 1: [2, 1], 2: [2, 1, 0, 3], 3: [2, 1, 1, 3, 0, 2] } as const;

/** The case of one layer. Those that PyTorch 1.13 does not have are written with `F.pad`. */
function padCase(
  name: string,
  dims: 1 | 2 | 3,
  Class: new (padding: layers.PadWidths, value: number) => Module,
  torch = `nn.${name}`,
): LayerCase {
  const constant = name.startsWith('Constant');
  return layerCase({
    name,
    build: (c) => new Class(c.numberOrNumbers(torch.startsWith('nn.') ? 'padding' : 'pad'), c.number('value', 0)),
    torch,
    cases: [
      {
        name: `${name.toLowerCase()}-f64`,
        config: { [torch.startsWith('nn.') ? 'padding' : 'pad']: widths[dims], ...(constant ? { value: 1.5 } : {}) },
        inputs: { x: normal(shapes[dims]) },
      },
    ],
  });
}

const zeros = 'functions.of(F.pad)';
const circular = "functions.of(F.pad, mode='circular')";

export default [
  padCase('ConstantPad1d', 1, layers.ConstantPad1d),
  padCase('ConstantPad2d', 2, layers.ConstantPad2d),
  padCase('ConstantPad3d', 3, layers.ConstantPad3d),
  padCase('ZeroPad1d', 1, layers.ZeroPad1d, zeros),
  padCase('ZeroPad2d', 2, layers.ZeroPad2d),
  padCase('ZeroPad3d', 3, layers.ZeroPad3d, zeros),
  padCase('ReflectionPad1d', 1, layers.ReflectionPad1d),
  padCase('ReflectionPad2d', 2, layers.ReflectionPad2d),
  padCase('ReflectionPad3d', 3, layers.ReflectionPad3d),
  padCase('ReplicationPad1d', 1, layers.ReplicationPad1d),
  padCase('ReplicationPad2d', 2, layers.ReplicationPad2d),
  padCase('ReplicationPad3d', 3, layers.ReplicationPad3d),
  padCase('CircularPad1d', 1, layers.CircularPad1d, circular),
  padCase('CircularPad2d', 2, layers.CircularPad2d, circular),
  padCase('CircularPad3d', 3, layers.CircularPad3d, circular),
  functionCase({
    name: 'pad',
    forward: (_, c, x) => layers.pad(x, c.numbers('pad'), { mode: c.choice('mode', modes) }),
    torch: 'functions.of(F.pad)',
    cases: modes.map((mode) => ({
      name: `pad-${mode}-crop-f64`,
      config: { pad: [2, -1, -1, 2], mode },
      inputs: { x: normal([2, 3, 5, 4]) },
    })),
  }),
];
