import { afterEach, expect, test } from 'vitest';
import {
  BackendUnavailableError,
  disposeBackends,
  isBackendOpen,
  registerAsyncBackend,
  registerBackend,
} from '../kernel/backend.ts';
import { ReferenceBackend } from './reference/backend.ts';
import { selectBackend } from './select-backend.ts';

afterEach(() => disposeBackends());

registerBackend('wasm', () => new ReferenceBackend('wasm', {}));

const perhaps = (): null => null;

const offerGpu = (software: boolean): void =>
  registerAsyncBackend('webgpu', async () =>
    Object.assign(new ReferenceBackend('webgpu', {}), { adapter: { name: 'Some adapter', software } }),
  );

test('auto uses a hardware GPU', async () => {
  offerGpu(false);
  const { backend, reason } = await selectBackend('auto', perhaps);
  expect([backend.name, reason]).toEqual(['webgpu', 'GPU: Some adapter']);
});

test('auto uses wasm where the only adapter is software, and closes that', async () => {
  offerGpu(true);
  const { backend, reason } = await selectBackend('auto', perhaps);
  expect([backend.name, reason]).toEqual(['wasm', 'no GPU: the only WebGPU adapter, Some adapter, runs on the CPU']);
  expect(isBackendOpen('webgpu')).toBe(false);
});

test('auto uses wasm where there is no adapter, and reports why; requesting webgpu by name is then an error', async () => {
  registerAsyncBackend('webgpu', () => Promise.reject(new BackendUnavailableError('webgpu: the package is missing')));
  const { backend, reason } = await selectBackend('auto', perhaps);
  expect([backend.name, reason]).toEqual(['wasm', 'no GPU: webgpu: the package is missing']);
  await expect(selectBackend('webgpu')).rejects.toThrow(BackendUnavailableError);
});

test('auto does not try WebGPU where there is certainly no GPU', async () => {
  registerAsyncBackend('webgpu', () => Promise.reject(new Error('asked')));
  const { backend, reason } = await selectBackend('auto', () => 'the machine has none');
  expect([backend.name, reason]).toEqual(['wasm', 'no GPU: the machine has none']);
});

test('errors other than a missing device are not swallowed', async () => {
  registerAsyncBackend('webgpu', () => Promise.reject(new TypeError('a mistake')));
  await expect(selectBackend('auto', perhaps)).rejects.toThrow('a mistake');
});

test('a named backend is opened as it is', async () => {
  offerGpu(true);
  const { backend, reason } = await selectBackend('webgpu');
  expect([backend.name, reason]).toEqual(['webgpu', null]);
  await expect(selectBackend('cuda')).rejects.toThrow("unknown backend 'cuda'; registered are wasm, webgpu");
});
