import '../backends/gpujs/index.ts';
import '../backends/wasm/index.ts';
import '../backends/webgpu/index.ts';
import { registerReferenceBackends } from '../backends/reference/backend.ts';
import { openBackend } from '../kernel/backend.ts';
import { whyMissing } from './availability.ts';

/** Why tests on WebGPU are left out here: there is no adapter, not even one in software. Null where there is. */
export const webgpuMissing: string | null = await whyMissing('webgpu');

/** The modes of gpu.js that this machine has. */
const gpujsModes: readonly string[] = [
  'gpujs:webasm',
  'gpujs:cpu',
  ...(webgpuMissing === null ? ['gpujs:webgpu'] : []),
];
for (const mode of gpujsModes) await openBackend(mode);

/** Every backend that must pass the tests of the operations. */
export const testedBackends: readonly string[] = [
  'reference',
  'reference-kernels',
  'wasm',
  ...(webgpuMissing === null ? ['webgpu'] : []),
  ...gpujsModes,
];

export const registerTestedBackends = (): void => {
  registerReferenceBackends();
};
