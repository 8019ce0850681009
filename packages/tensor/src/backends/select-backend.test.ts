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

test('auto takes a GPU that is hardware', async () => {
  offerGpu(false);
  const { backend, reason } = await selectBackend('auto', perhaps);
  expect([backend.name, reason]).toEqual(['webgpu', 'GPU: Some adapter']);
});

test('auto takes wasm where the only adapter is software, and lets go of that', async () => {
  offerGpu(true);
  const { backend, reason } = await selectBackend('auto', perhaps);
  expect([backend.name, reason]).toEqual([
    'wasm',
    'no GPU: the only WebGPU adapter, Some adapter, runs on the processor',
  ]);
  expect(isBackendOpen('webgpu')).toBe(false);
});

test('auto takes wasm where there is no adapter at all, and says why; asked for by name that is an error', async () => {
  registerAsyncBackend('webgpu', () => Promise.reject(new BackendUnavailableError('webgpu: the package is missing')));
  const { backend, reason } = await selectBackend('auto', perhaps);
  expect([backend.name, reason]).toEqual(['wasm', 'no GPU: webgpu: the package is missing']);
  await expect(selectBackend('webgpu')).rejects.toThrow(BackendUnavailableError);
});

test('auto does not ask WebGPU where there certainly is no GPU', async () => {
  registerAsyncBackend('webgpu', () => Promise.reject(new Error('asked')));
  const { backend, reason } = await selectBackend('auto', () => 'the machine has none');
  expect([backend.name, reason]).toEqual(['wasm', 'no GPU: the machine has none']);
});

test('what is no lack of a device is not passed over', async () => {
  registerAsyncBackend('webgpu', () => Promise.reject(new TypeError('a mistake')));
  await expect(selectBackend('auto', perhaps)).rejects.toThrow('a mistake');
});

test('names are taken at their word', async () => {
  offerGpu(true);
  const { backend, reason } = await selectBackend('webgpu');
  expect([backend.name, reason]).toEqual(['webgpu', null]);
  await expect(selectBackend('cuda')).rejects.toThrow("backend 'cuda' is not known; there are: wasm, webgpu");
});
