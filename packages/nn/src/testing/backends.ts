import { BackendUnavailableError, openBackend, registerReferenceBackends, setDefaultBackend } from '@tessera/tensor';

registerReferenceBackends();

/** Those of the backends that this machine has; why others are left out is printed. */
async function available(names: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const name of names) {
    try {
      await openBackend(name);
      found.push(name);
    } catch (error) {
      if (!(error instanceof BackendUnavailableError)) throw error;
      console.log(`not tested: ${error.message}`);
    }
  }
  return found;
}

/** Every backend that must pass the tests of the layers. */
export const testedBackends: readonly string[] = await available([
  'reference',
  'reference-kernels',
  'wasm',
  'webgpu',
  'gpujs:webasm',
]);

/** New tensors live on the named backend from here on. */
export function useBackend(name: string): void {
  setDefaultBackend(name);
}
