import { fileURLToPath } from 'node:url';
import { BackendUnavailableError, openBackend, registerReferenceBackends, setDefaultBackend } from '@tessera/tensor';
import { afterAll, describe, expect, it } from 'vitest';
import { findCases } from './case.ts';
import { runReferenceCase } from './index.ts';

registerReferenceBackends();
afterAll(() => setDefaultBackend('reference'));

const directory = fileURLToPath(new URL('../../reference-cases/', import.meta.url));
/** Training runs and double precision are for other backends. */
const cases = (await findCases([directory])).filter(({ name }) => !name.startsWith('train-') && !name.endsWith('-f64'));

const whyMissing = (backend: string): Promise<string> =>
  openBackend(backend).then(
    () => '',
    (error: unknown) => {
      if (!(error instanceof BackendUnavailableError)) throw error;
      return error.message;
    },
  );
const missing = { webgpu: await whyMissing('webgpu'), 'gpujs:webasm': await whyMissing('gpujs:webasm') };

describe.each(Object.entries(missing))('PyTorch agrees with %s %s', (backend, reason) => {
  it.skipIf(reason !== '').each(cases)('$name', { timeout: 240_000 }, async ({ directory: folder }) => {
    setDefaultBackend(backend);
    expect(await runReferenceCase(folder)).toMatchObject({ holds: true });
  });
});
