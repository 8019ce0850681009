/** What notebooks show of modules and summaries. */

import { randn } from '@tessera/tensor';
import { display } from '@tessera/tensor/display';
import { expect, test } from 'vitest';
import { Linear, Sequential } from '../layers/index.ts';
import { Module } from './module.ts';
import { summary } from './summary.ts';

/** The cells of a table's rows. */
const rowsIn = (text: string | undefined): string[][] =>
  [...(text ?? '').matchAll(/<tr>(.*?)<\/tr>/gs)].map(([, row = '']) =>
    [...row.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/gs)].map(([, cell = '']) => cell),
  );

class Model extends Module {
  readonly first = new Linear(3, 4);
  readonly blocks = [new Linear(4, 4), new Linear(4, 4), new Linear(4, 5, { bias: false })];
}

test('a module is a table of its tree, with the parameters of each line', () => {
  const model = new Model();
  const bundle = model[display]();
  expect(bundle['text/plain']).toBe(String(model));
  expect(rowsIn(bundle['text/html'])).toEqual([
    ['module', 'settings', 'parameters'],
    ['Model', '', '76'],
    ['first: Linear', 'in_features=3, out_features=4, bias=True', '16'],
    ['blocks: ModuleList', '', '60'],
    ['0-1: 2 x Linear', 'in_features=4, out_features=4, bias=True', '40'],
    ['2: Linear', 'in_features=4, out_features=5, bias=False', '20'],
  ]);
});

test('frozen parameters have a column, and shared ones count once', () => {
  const shared = new Linear(2, 2);
  const model = new Sequential(shared, new Sequential(shared, new Linear(2, 3)));
  model.freeze(/^0\./);
  expect(rowsIn(model[display]()['text/html']).map(([name, , ...counts]) => [name, ...counts])).toEqual([
    ['module', 'parameters', 'of them frozen'],
    ['Sequential', '15', '6'],
    ['0: Linear', '6', '6'],
    ['1: Sequential', '15', '6'],
    ['0: Linear', '6', '6'],
    ['1: Linear', '9', ''],
  ]);
});

test('displaying names no parameters, and computes nothing', () => {
  const part = new Linear(3, 4);
  const model = new Sequential(part);
  model.namedParameters();
  part[display]();
  expect(part.weight.name).toBe('0.weight');
});

test('settings are escaped', () => {
  class Tagged extends Module {
    override extraRepr(): string {
      return 'tag=<script>&\nsecond line';
    }
  }
  const bundle = new Tagged()[display]();
  expect(rowsIn(bundle['text/html'])[1]?.[1]).toBe('tag=&lt;script&gt;&amp;; second line');
});

test('a summary is the printed table as HTML', () => {
  const model = new Sequential(new Linear(3, 4), new Linear(4, 2));
  const result = summary(model, randn([5, 3]));
  const bundle = result[display]();
  expect(bundle['text/plain']).toBe(String(result));
  const rows = rowsIn(bundle['text/html']);
  expect(rows[2]).toEqual(['0: Linear', '[5, 4]', '16', '120', '80 B']);
  expect(rows.at(-1)?.slice(2)).toEqual(['26', '200', '120 B']);
  expect(bundle['text/html']).toContain('input [5, 3]; parameters 104 B');
});
