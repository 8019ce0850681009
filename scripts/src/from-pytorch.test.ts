/** The table of PyTorch's names: every method of a tensor, every layer and every optimizer has a row. */
import { readFileSync } from 'node:fs';
import * as nn from '@tessera/nn';
import { Tensor } from '@tessera/tensor';
import * as optim from '@tessera/train/optim';
import { describe, expect, test } from 'vitest';

const table = readFileSync(new URL('../../docs/from-pytorch.md', import.meta.url), 'utf8');
const words = new Set(table.match(/\w+/g));

/** A name of one of 1d, 2d and 3d counts for all three. */
const isListed = (name: string): boolean => ['1d', '2d', '3d'].some((rank) => words.has(name.replace(/[123]d/, rank)));

/** Names that belong to JavaScript or to the engine. */
const notForUsers = new Set(['constructor', 'node', 'toString', 'wrap']);

function methodsOf(prototype: object): string[] {
  if (prototype === Object.prototype) return [];
  return [...Object.getOwnPropertyNames(prototype), ...methodsOf(Object.getPrototypeOf(prototype))];
}

/** The names of the classes that extend `base`. */
const subclassesOf = (exported: object, base: { readonly prototype: object }): string[] =>
  Object.entries(exported).flatMap(([name, value]) =>
    typeof value === 'function' && value.prototype instanceof (base as never) ? [name] : [],
  );

describe('docs/from-pytorch.md has a row for', () => {
  test('every method of a tensor', () => {
    const methods = methodsOf(Tensor.prototype).filter((name) => !notForUsers.has(name));
    expect(methods.length).toBeGreaterThan(150);
    // A blocking form is described with the one that it blocks for.
    expect(methods.filter((name) => !isListed(name.replace(/Sync$/, '')))).toEqual([]);
  });

  test('every layer and loss', () => {
    const layers = subclassesOf(nn, nn.Module).filter((name) => name !== 'Activation');
    expect(layers.length).toBeGreaterThan(100);
    expect(layers.filter((name) => !isListed(name))).toEqual([]);
  });

  test('every optimizer', () => {
    const optimizers = subclassesOf(optim, optim.Optimizer);
    expect(optimizers.length).toBeGreaterThan(10);
    expect(optimizers.filter((name) => !isListed(name))).toEqual([]);
  });
});
