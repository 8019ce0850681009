/** Checks for tests whether this machine has a backend. */
import { BackendUnavailableError, openBackend } from '../kernel/backend.ts';

/** Opens a backend for tests. Returns the reason if it is not available on this machine, else null. */
export const whyMissing = (backend: string): Promise<string | null> =>
  openBackend(backend).then(
    () => null,
    (error: unknown) => {
      if (!(error instanceof BackendUnavailableError)) throw error;
      return error.message;
    },
  );
