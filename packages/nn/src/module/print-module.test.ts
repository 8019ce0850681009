/** Modules as text. */
import { inspect } from 'node:util';
import type { Tensor } from '@tessera/tensor';
import { expect, test } from 'vitest';
import { Flatten } from '../layers/flatten.ts';
import { Sequential } from '../layers/sequential.ts';
import { Module } from './module.ts';
import { pythonValue } from './print-module.ts';

class Block extends Module {
  readonly first = new Flatten();
  readonly second = new Flatten(0);

  forward(x: Tensor): Tensor {
    return this.second.forward(this.first.forward(x));
  }
}

class Net extends Module {
  readonly width = 3;
  readonly blocks = [new Block(), new Block(), new Flatten(2)];
  readonly head = new Sequential(new Flatten(), ['named', new Flatten()]);
}

test('a tree with lists, and equal neighbors of a list in one line', () => {
  const text = [
    'Net(',
    '  (blocks): ModuleList(',
    '    (0-1): 2 x Block(',
    '      (first): Flatten(start_dim=1, end_dim=-1)',
    '      (second): Flatten(start_dim=0, end_dim=-1)',
    '    )',
    '    (2): Flatten(start_dim=2, end_dim=-1)',
    '  )',
    '  (head): Sequential(',
    '    (0): Flatten(start_dim=1, end_dim=-1)',
    '    (named): Flatten(start_dim=1, end_dim=-1)',
    '  )',
    ')',
  ].join('\n');
  expect(String(new Net())).toBe(text);
  expect(inspect(new Net())).toBe(text);
  expect(inspect({ model: new Flatten() })).toBe('{ model: Flatten(start_dim=1, end_dim=-1) }');
});

test('extraRepr of several lines', () => {
  class Talkative extends Module {
    override extraRepr(): string {
      return 'a=1\nb=2';
    }
  }
  expect(String(new Talkative())).toBe('Talkative(\n  a=1\n  b=2\n)');
});

test('values look as in Python', () => {
  const given = [true, null, 'none', 1e-5, 0.1, 3, 1e20, [3, 3], [8], Number.NaN, -Infinity, 1.5e-7];
  expect(given.map(pythonValue)).toEqual([
    'True',
    'None',
    "'none'",
    '1e-05',
    '0.1',
    '3',
    '1e+20',
    '(3, 3)',
    '(8,)',
    'nan',
    '-inf',
    '1.5e-07',
  ]);
});
