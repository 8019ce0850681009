/** Moving tensors between backends. */
import { beforeEach, expect, test } from 'vitest';
import { ReferenceBackend, registerReferenceBackends } from './backends/reference/backend.ts';
import { compile } from './compile.ts';
import { tensor, zeros } from './functions.ts';
import { realizedStorage } from './graph/storage.ts';
import { getBackend, registerAsyncBackend, registerBackend, setDefaultBackend } from './kernel/backend.ts';
import { moveTensors } from './move.ts';
import type { Tensor } from './tensor.ts';

beforeEach(() => {
  registerReferenceBackends();
  setDefaultBackend('reference');
});

const home = ({ node }: Tensor): string | undefined => realizedStorage(node)?.backend.name;

test('to() copies a tensor to a backend, which it opens, and returns the tensor itself if it is there already', async () => {
  registerAsyncBackend('elsewhere', async () => new ReferenceBackend('elsewhere', {}));
  const x = tensor([1, 2, 3]).mul(2);
  x.requiresGrad = true;
  const moved = await x.to('elsewhere');
  expect([home(moved), await moved.toArray(), moved.requiresGrad]).toEqual(['elsewhere', [2, 4, 6], true]);
  expect(await moved.to(getBackend('elsewhere'))).toBe(moved);
  expect(home(await zeros([2]).to('elsewhere'))).toBe('elsewhere');
});

test('an operation on values of two backends is refused, with what to do', async () => {
  const here = tensor([1]);
  const there = await tensor([2]).to('reference-kernels');
  await expect(here.add(there).data()).rejects.toThrow(
    "one computation uses values on two backends, 'reference' and 'reference-kernels'; move one of them: await x.to('reference-kernels')",
  );
});

test('tensors are moved in place with their gradients, and compiled functions continue on the new backend', async () => {
  const state = tensor([1, 2], { requiresGrad: true });
  state.grad = tensor([5, 6]);
  const step = compile((x: Tensor) => {
    state.assign(state.add(x));
    return state.sum();
  });
  expect(await (await step(tensor([1, 1]))).item()).toBe(5);
  await moveTensors([state], 'reference-kernels');
  expect([home(state), home(state.grad), await state.toArray()]).toEqual([
    'reference-kernels',
    'reference-kernels',
    [2, 3],
  ]);
  expect(await (await step(tensor([1, 1], { backend: 'reference-kernels' }))).item()).toBe(7);
  expect(home(state)).toBe('reference-kernels');
});

test('a compiled function distinguishes two backends of the same name', async () => {
  const double = compile((x: Tensor) => x.mul(2));
  for (const name of ['first', 'second']) {
    registerBackend(name, () => new ReferenceBackend('twin', {}));
    expect(await (await double(tensor([1, 2], { backend: name }))).toArray()).toEqual([2, 4]);
  }
});

test('if one tensor cannot be moved, none is', async () => {
  const allocated: number[] = [];
  registerBackend('small', () => {
    const backend = new ReferenceBackend('small', {});
    const allocate = backend.allocate.bind(backend);
    return Object.assign(backend, {
      allocate(bytes: number) {
        allocated.push(bytes);
        if (bytes > 8) throw new Error('too large');
        return allocate(bytes);
      },
    });
  });
  const state = [tensor([1, 2]), tensor([1, 2, 3])];
  await expect(moveTensors(state, 'small')).rejects.toThrow('too large');
  expect([allocated, state.map(home)]).toEqual([
    [8, 12],
    ['reference', 'reference'],
  ]);
});
