import { registerReferenceBackends, setDefaultBackend } from '@tessera/tensor';

/** Puts the tests of the trainer on the oracle of kernels: their models are so small that speed does not count. */
export function useTestBackend(): void {
  registerReferenceBackends();
  setDefaultBackend(process.env.TESSERA_TEST_BACKEND ?? 'reference-kernels');
}
