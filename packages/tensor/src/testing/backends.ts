import '../backends/wasm/index.ts';
import { registerReferenceBackends } from '../backends/reference/backend.ts';

/** Every backend that must pass the tests of the operations. */
export const testedBackends = ['reference', 'reference-kernels', 'wasm'] as const;

export const registerTestedBackends = (): void => {
  registerReferenceBackends();
};
