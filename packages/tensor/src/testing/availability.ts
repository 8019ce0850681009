import { BackendUnavailableError, openBackend } from '../kernel/backend.ts';

/** Opens a backend for tests. Returns why it cannot be had on this machine; null if it can. */
export const whyMissing = (backend: string): Promise<string | null> =>
  openBackend(backend).then(
    () => null,
    (error: unknown) => {
      if (!(error instanceof BackendUnavailableError)) throw error;
      return error.message;
    },
  );
