import { beforeAll, describe, expect, test } from 'vitest';
import { getBackend, setDefaultBackend } from './backend.ts';
import { registerTestedBackends, testedBackends, webgpuMissing } from './testing/backends.ts';
import { checkOpCase, opCases } from './testing/conformance.ts';

registerTestedBackends();

describe.each(testedBackends)('operations on %s', (backend) => {
  beforeAll(() => {
    setDefaultBackend(backend);
  });

  test.each(opCases)('$name', async (opCase) => {
    const refusal = opCase.needs?.map((dtype) => getBackend(backend).whyUnsupported?.(dtype)).find(Boolean);
    if (refusal) await expect(checkOpCase(opCase)).rejects.toThrow(refusal);
    else expect(await checkOpCase(opCase)).toBeNull();
  });
});

test.skipIf(webgpuMissing !== null)(`operations on webgpu need an adapter: ${webgpuMissing ?? 'there is one'}`, () => {
  expect(testedBackends).toContain('webgpu');
});
