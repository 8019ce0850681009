/** Opens the backends on which the tests of operations run. */
import '../backends/gpujs/index.ts';
import '../backends/wasm/index.ts';
import '../backends/webgpu/index.ts';
import { registerReferenceBackends } from '../backends/reference/backend.ts';
import { openBackend } from '../kernel/backend.ts';
import { whyMissing } from './availability.ts';

/** Why tests on WebGPU are skipped: the machine has no adapter, not even a software one. Null if it has one. */
export const webgpuMissing: string | null = await whyMissing('webgpu');

/** The modes of gpu.js that are tested on this machine. */
const gpujsModes: readonly string[] = [
  'gpujs:webasm',
  'gpujs:cpu',
  ...(webgpuMissing === null ? ['gpujs:webgpu'] : []),
];
for (const mode of gpujsModes) await openBackend(mode);

/** TESSERA_TESTED_BACKENDS, names separated by commas, limits the tests to these. */
const chosen = process.env.TESSERA_TESTED_BACKENDS?.split(',') ?? null;

/** All backends that must pass the tests of operations. */
export const testedBackends: readonly string[] = [
  'reference',
  'reference-kernels',
  'wasm',
  ...(webgpuMissing === null ? ['webgpu'] : []),
  ...gpujsModes,
].filter((name) => chosen?.includes(name) ?? true);

export const registerTestedBackends = (): void => {
  registerReferenceBackends();
};
