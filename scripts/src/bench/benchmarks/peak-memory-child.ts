/** The process of the benchmark peak-memory, `peak-memory-child.ts WORK`: runs three training steps and prints its peak resident size, as JSON. */
import { disposeBackends, getBackend } from '@tessera/tensor';
import { peakResident } from '../measure/resident.ts';
import { tesseraEngine } from '../tessera.ts';
import type { ClipStepWork } from '../work.ts';
import type { PeakSample } from './peak-memory.ts';

const work = JSON.parse(process.argv[2] ?? '') as ClipStepWork;
const backend = getBackend('wasm');
const importBytes = peakResident();
const { check } = await tesseraEngine(backend, '').prepare(work);
const sample: PeakSample = { importBytes, peakBytes: peakResident(), losses: check };
console.log(JSON.stringify({ ...sample, tensorBytes: backend.memory().used }));
await disposeBackends();
