/** Check cases of the kinds of dropout. */
import { type InputSpec, layerCase, normal } from '../cases/index.ts';
import type { Module } from '../module/module.ts';
import { AlphaDropout, Dropout, Dropout1d, Dropout2d, Dropout3d } from './dropout.ts';

// In training each call draws other numbers, and differences of them mean nothing.
const evaluated = (Layer: new (p: number) => Module, x: InputSpec) =>
  layerCase({
    name: Layer.name,
    build: (c) => new Layer(c.number('p')),
    cases: [{ name: 'evaluation', config: { p: 0.5 }, inputs: { x }, mode: 'eval', only: 'gradcheck' }],
  });

export default [
  evaluated(Dropout, normal([4, 7])),
  evaluated(AlphaDropout, normal([4, 7])),
  evaluated(Dropout1d, normal([2, 3, 4])),
  evaluated(Dropout2d, normal([2, 3, 2, 2])),
  evaluated(Dropout3d, normal([2, 3, 2, 2, 2])),
];
