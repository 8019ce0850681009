/** The backends that the tests of layers run on. */
import { registerReferenceBackends, setDefaultBackend } from '@tessera/tensor';
import { whyMissing } from '@tessera/tensor/testing';

registerReferenceBackends();

/** Those of the backends that this machine has; why others are left out is printed. */
async function available(names: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const name of names) {
    const reason = await whyMissing(name);
    if (reason === null) found.push(name);
    else console.log(`not tested: ${reason}`);
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
