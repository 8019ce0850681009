/** Lists and dictionaries of modules and parameters, and collections that a module refuses. */
import { ones, tensor, zeros } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { Module } from '../module/module.ts';
import { Parameter } from '../module/parameter.ts';
import { useBackend } from '../testing/backends.ts';
import { ModuleDict, ModuleList, ParameterDict, ParameterList } from './containers.ts';
import { Linear } from './linear.ts';
import { Sequential } from './sequential.ts';

beforeAll(() => useBackend('reference'));

const linear = (): Linear => new Linear(2, 2, { bias: false });

class Holder extends Module {
  readonly value: unknown;

  constructor(value: unknown) {
    super();
    this.value = value;
  }
}

const namesOf = (value: unknown): string[] => [...new Holder(value).stateDict().keys()];

describe('containers', () => {
  test('their members have the names of PyTorch, and are trained and moved with the module', () => {
    expect(namesOf(new ModuleList([linear(), new ModuleList([linear()])]))).toEqual([
      'value.0.weight',
      'value.1.0.weight',
    ]);
    expect(namesOf(new ModuleDict({ a: linear(), b: linear() }))).toEqual(['value.a.weight', 'value.b.weight']);
    expect(namesOf(new ModuleDict(new Map([['a', linear()]])))).toEqual(['value.a.weight']);
    expect(namesOf(new ParameterList([zeros([2]), new Parameter(zeros([3]))]))).toEqual(['value.0', 'value.1']);
    expect(namesOf(new ParameterDict({ scale: zeros([2]) }))).toEqual(['value.scale']);
    const list = new ModuleList([linear()]);
    const holder = new Holder(list).eval();
    expect(list.get(0).training).toBe(false);
    holder.to('f64');
    expect(list.get(0).weight.dtype).toBe('f64');
  });

  test('lists grow, and count from both ends', () => {
    const [a, b, c] = [linear(), linear(), linear()];
    const list = new ModuleList([a]).append(c).insert(1, b).extend([a]);
    expect([...list]).toEqual([a, b, c, a]);
    expect(list.length).toBe(4);
    expect(list.get(-2)).toBe(c);
    expect(list.set(0, b).get(0)).toBe(b);
    expect(() => list.get(4)).toThrow('ModuleList: index 4 is outside of a list of 4');
    expect(() => list.get(0.5)).toThrow('ModuleList: index 0.5');
    expect(() => list.append('relu' as never)).toThrow("ModuleList: takes modules, got 'relu'");
    expect(() => new ModuleList(a as never)).toThrow('ModuleList: takes a list, got an object of Linear');
    expect(() => new ModuleList([Linear as never])).toThrow('ModuleList: takes modules, got the function Linear');
  });

  test('dictionaries replace, remove and list their items', () => {
    const [a, b] = [linear(), linear()];
    const dict = new ModuleDict({ a, b });
    expect([...dict.keys()]).toEqual(['a', 'b']);
    expect([...dict.values()]).toEqual([a, b]);
    expect([...dict]).toEqual([...dict.entries()]);
    expect([dict.size, dict.has('a'), dict.delete('a'), dict.delete('a'), dict.has('a')]).toEqual([
      2,
      true,
      true,
      false,
      false,
    ]);
    expect(dict.set('b', a).get('b')).toBe(a);
    expect(() => dict.get('x')).toThrow("ModuleDict: nothing is named 'x'; the names are b");
    for (const name of ['', 'a.b'])
      expect(() => dict.set(name, a)).toThrow(`ModuleDict: a name must not be empty or have a dot, got '${name}'`);
  });

  test('tensors become parameters, and parameters stay themselves', async () => {
    const own = new Parameter(ones([2]));
    const list = new ParameterList([own, tensor([1, 2])]);
    expect(list.get(0)).toBe(own);
    expect(list.get(1).requiresGrad).toBe(true);
    expect(await list.get(1).toArray()).toEqual([1, 2]);
    expect(() => new ParameterDict({ x: 3 as never })).toThrow('ParameterDict: takes parameters and tensors, got 3');
  });
});

test('Sequential refuses a value that is not a module', () => {
  const relu = (x: unknown): unknown => x;
  for (const entry of [relu, null, ['act', relu], 'relu'])
    expect(() => new Sequential(linear(), entry as never)).toThrow('Sequential: entry 1 must be a module');
});

describe('a field of a module', () => {
  test('with an array is a list, also of lists', () => {
    expect(namesOf([linear(), [linear()], null, 3])).toEqual(['value.0.weight', 'value.1.0.weight']);
  });

  test.each<[string, unknown]>([
    [
      'a Map of modules is not part of the module: nothing in it would be trained or saved. Use ModuleDict',
      new Map([['a', linear()]]),
    ],
    ['a Map of modules', new Map([[linear(), 'a']])],
    [
      'a Set of modules is not part of the module: nothing in it would be trained or saved. Use ModuleList or an array',
      new Set([linear()]),
    ],
    ['a plain object of modules', { a: linear() }],
    [
      'Holder.value: a plain object of parameters is not part of the module: nothing in it would be trained or saved. Use ParameterDict',
      { a: new Parameter(zeros([1])) },
    ],
    ['Holder.value.0: a plain object of modules', [{ a: linear() }]],
    ['a plain object of modules', { a: [linear()] }],
    ['Holder.value: a Map of modules', new Map([['a', new Map([['b', linear()]])]])],
    ['Holder.value: a Map of modules', new Map([['a', [[linear()]]]])],
    ['Holder.value: a Set of modules', new Set([[{ deep: [new Map([[1, linear()]])] }]])],
    ['Holder.value: a plain object of modules', { a: { b: new Set([linear()]) } }],
    ['Holder.value.0.1: a Set of parameters', [[null, new Set([new Parameter(zeros([1]))])]]],
  ])('%s', (message, value) => {
    const module = new Holder(value);
    expect(() => module.parameters()).toThrow(message);
    expect(() => module.stateDict()).toThrow(message);
  });

  test('with options, numbers and names has no members', () => {
    expect(namesOf({ p: 1, name: 'x', shape: [1, 2], weight: null, nested: { a: 1 } })).toEqual([]);
    expect(namesOf(new Map([['a', 1]]))).toEqual([]);
  });

  test('that contains itself is searched once', () => {
    const list: unknown[] = [linear()];
    list.push(list);
    expect(namesOf(list)).toEqual(['value.0.weight']);
    list.push({ list, owners: new Map([[list, list]]) });
    expect(() => namesOf(list)).toThrow('Holder.value.2: a plain object of modules');
    const options: Record<string, unknown> = { a: 1 };
    options.self = options;
    expect(namesOf(options)).toEqual([]);
  });
});
