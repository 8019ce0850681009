/** Reference cases on backends for GPUs. */
import { fileURLToPath } from 'node:url';
import { registerReferenceBackends, setDefaultBackend } from '@tessera/tensor';
import { whyMissing } from '@tessera/tensor/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { findCases } from './case.ts';
import { runReferenceCase } from './index.ts';

registerReferenceBackends();
afterAll(() => setDefaultBackend('reference'));

const directory = fileURLToPath(new URL('../../reference-cases/', import.meta.url));
/** Training runs and double precision are for other backends. */
const cases = (await findCases([directory])).filter(({ name }) => !name.startsWith('train-') && !name.endsWith('-f64'));

const missing = { webgpu: await whyMissing('webgpu'), 'gpujs:webasm': await whyMissing('gpujs:webasm') };

describe.each(Object.entries(missing))('PyTorch agrees with %s', (backend, reason) => {
  it.skipIf(reason !== null).each(cases)(
    `$name ${reason ?? ''}`,
    { timeout: 240_000 },
    async ({ directory: folder }) => {
      setDefaultBackend(backend);
      expect(await runReferenceCase(folder)).toMatchObject({ holds: true });
    },
  );
});
