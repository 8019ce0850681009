import { registerReferenceBackends, setDefaultBackend } from '@tessera/tensor';

/** The backend that the trainer's tests run on: TESSERA_TEST_BACKEND, else the one that users train with. */
export function useTestBackend(): void {
  registerReferenceBackends();
  setDefaultBackend(process.env.TESSERA_TEST_BACKEND ?? 'wasm');
}
