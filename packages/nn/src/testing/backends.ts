import { registerReferenceBackends, setDefaultBackend } from '@tessera/tensor';

/** Every backend that must pass the tests of the layers. */
export const testedBackends = ['reference', 'reference-kernels', 'wasm'] as const;

/** New tensors live on the named backend from here on. */
export function useBackend(name: (typeof testedBackends)[number]): void {
  registerReferenceBackends();
  setDefaultBackend(name);
}
