import { beforeAll, describe, expect, test } from 'vitest';
import { setDefaultBackend } from './backend.ts';
import { registerTestedBackends, testedBackends } from './testing/backends.ts';
import { checkOpCase, opCases } from './testing/conformance.ts';

registerTestedBackends();

describe.each(testedBackends)('operations on %s', (backend) => {
  beforeAll(() => {
    setDefaultBackend(backend);
  });

  test.each(opCases)('$name', async (opCase) => {
    expect(await checkOpCase(opCase)).toBeNull();
  });
});
