/** All operations on all backends, by the cases of `testing/`. */
import { beforeAll, describe, expect, test } from 'vitest';
import { getBackend, setDefaultBackend } from '../kernel/backend.ts';
import { registerTestedBackends, testedBackends, webgpuMissing } from '../testing/backends.ts';
import { checkOpCase, opCases } from '../testing/conformance.ts';

registerTestedBackends();

describe.each(testedBackends)('operations on %s', (backend) => {
  beforeAll(() => {
    setDefaultBackend(backend);
  });

  test.each(opCases)('$name', async (opCase) => {
    const refusal = opCase.needs?.map((dtype) => getBackend(backend).whyUnsupported?.(dtype)).find(Boolean);
    const outcome = await checkOpCase(opCase).catch((error: unknown) => {
      if (refusal) return (error as Error).message;
      throw error;
    });
    // A backend can compute with an unsupported dtype that is never stored.
    if (refusal && outcome !== null) expect(outcome).toContain(refusal);
    else expect(outcome).toBeNull();
  });
});

test.skipIf(webgpuMissing !== null)(`operations on webgpu need an adapter: ${webgpuMissing ?? 'there is one'}`, () => {
  expect(testedBackends).toContain('webgpu');
});
