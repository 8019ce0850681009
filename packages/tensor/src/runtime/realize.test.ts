/** Computing and storing values: when, how often, and on which backend. */
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ReferenceBackend, registerReferenceBackends } from '../backends/reference/backend.ts';
import { ones, realize, realizeSync, tensor, zeros } from '../functions.ts';
import type { Node } from '../graph/node.ts';
import { realizedStorage } from '../graph/storage.ts';
import { type Backend, registerBackend, setDefaultBackend } from '../kernel/backend.ts';
import { Tensor } from '../tensor.ts';
import type { GraphOracle } from './oracle.ts';

/** The oracle, which also notes what it was asked for. */
const asked: (readonly Node[])[] = [];

function recordingBackend(): Backend {
  const backend = new ReferenceBackend('recording', {});
  const { interpret } = backend;
  return Object.assign(backend, {
    interpret: (...[roots, read]: Parameters<GraphOracle['interpret']>) => {
      asked.push(roots);
      return (interpret as GraphOracle['interpret'])(roots, read);
    },
  });
}

beforeAll(() => {
  registerReferenceBackends();
  registerBackend('recording', recordingBackend);
});

beforeEach(() => {
  setDefaultBackend('recording');
  asked.length = 0;
});

describe('computing values', () => {
  test('a value is computed once', async () => {
    const x = tensor([1, 2]).add(1);
    await x.data();
    await x.data();
    x.dataSync();
    await realize(x);
    expect(asked).toEqual([[x.node]]);
  });

  test('values are computed together, each once', async () => {
    const x = tensor([1]).add(1);
    const y = x.exp();
    await realize(x, y, x);
    expect(asked).toEqual([[x.node, y.node]]);
  });

  test('concurrent reads compute a value once', async () => {
    const x = tensor([1]).add(1);
    const state = zeros([1]);
    state.assign(state.add(x));
    expect(await Promise.all([x.item(), x.item(), state.item(), x.exp().log().item()])).toEqual([2, 2, 2, 2]);
    expect(asked.length).toBe(2);
  });

  test('stored data need no computation', async () => {
    await tensor([1]).data();
    tensor([1]).detach().dataSync();
    expect(asked.length).toBe(0);
  });

  test('computation continues from stored values', () => {
    const x = tensor([2]).square().realizeSync();
    const y = x.square();
    expect(y.itemSync()).toBe(16);
    expect(realizedStorage(x.node)).toBeDefined();
    expect(realizedStorage(x.square().node)).toBeUndefined();
  });

  test('views and constants are stored row-major', () => {
    const view = tensor([
      [1, 2],
      [3, 4],
    ]).transpose();
    const constant = ones([2]);
    realizeSync(view, constant);
    expect([...view.dataSync(), ...constant.dataSync()]).toEqual([1, 3, 2, 4, 1, 1]);
    expect(realizedStorage(view.node)?.length).toBe(4);
  });

  test('assigned state is computed with the next value that is read', async () => {
    const state = tensor([0]);
    state.assign(state.add(1));
    const other = tensor([3]).add(4);
    await other.data();
    expect(asked.map((roots) => roots.length)).toEqual([2]);
    expect(state.node.op === 'buffer' && state.node.arg.storage.pending).toBeNull();
    await state.data();
    expect(asked.length).toBe(1);
  });

  test('a chain of assignments is computed together, and its graph is not kept', async () => {
    const state = tensor([0]);
    for (let k = 1; k <= 50; k++) state.assign(state.add(k));
    expect(await state.item()).toBe(1275);
    expect(asked.length).toBe(1);
  });

  test('a failure does not affect independent values', async () => {
    const state = zeros([1]);
    state.assign(Tensor.fromNode({ ...state.add(1).node, op: 'input', arg: { index: 3 } } as Node));
    await expect(ones([1]).add(1).data()).rejects.toThrow('input 3');
    expect(await ones([1]).add(2).item()).toBe(3);
    await expect(state.data()).rejects.toThrow('input 3');
    expect(() => state.dataSync()).toThrow('input 3');
    expect(ones([1]).add(3).itemSync()).toBe(4);
  });
});

describe('backends', () => {
  test('a computation runs on the backend of its data', async () => {
    const x = tensor([1], { backend: 'reference' });
    expect(await x.add(1).item()).toBe(2);
    expect(asked.length).toBe(0);
  });

  test('mixing backends is refused with an error that names both', () => {
    const sum = tensor([1]).add(tensor([1], { backend: 'reference' }));
    expect(() => sum.dataSync()).toThrow(/two backends, 'recording' and 'reference'/);
  });

  test('state keeps its backend', () => {
    const state = tensor([1], { backend: 'reference' });
    setDefaultBackend('recording');
    state.assign(ones([1]));
    expect(state.itemSync()).toBe(1);
    expect(state.node.op === 'buffer' && state.node.arg.storage.backend.name).toBe('reference');
    expect(asked.length).toBe(0);
  });

  test('reading synchronously from a backend that cannot block throws', () => {
    registerBackend('waiting', () => Object.assign(new ReferenceBackend('waiting', {}), { readSync: undefined }));
    const x = tensor([1], { backend: 'waiting' });
    expect(() => x.dataSync()).toThrow(
      "backend 'waiting' cannot be read synchronously: use await x.data() or await x.item()",
    );
  });
});
