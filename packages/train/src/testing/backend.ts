/** The backend of tests. */
import { registerReferenceBackends, setDefaultBackend } from '@tessera/tensor';

/** Makes the variable TESSERA_TEST_BACKEND the default backend, or wasm, which users train with. */
export function useTestBackend(): void {
  registerReferenceBackends();
  setDefaultBackend(process.env.TESSERA_TEST_BACKEND ?? 'wasm');
}
