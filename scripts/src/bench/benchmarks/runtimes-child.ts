/**
 * A process of the benchmark runtimes, `runtimes-child.ts PRESET BATCH`: for each line on its input, it runs one training step and writes
 * its time in ms and its loss as JSON. It ends with its input.
 */
import { createInterface } from 'node:readline';
import type { PresetName } from '@tessera/models';
import { disposeBackends, getBackend, WasmBackend } from '@tessera/tensor';
import { presetBatch, presetModel, presetStep } from '../preset-step.ts';
import type { RuntimeStep } from './runtimes.ts';

const [preset, batch] = [process.argv[2] as PresetName, Number(process.argv[3])];
const inputs = presetBatch(preset, batch);
const step = presetStep(presetModel(preset));
for await (const _ of createInterface({ input: process.stdin })) {
  const began = performance.now();
  const loss = await (await step(...inputs)).item();
  const backend = getBackend();
  const threads = backend instanceof WasmBackend ? backend.threads : 1;
  const sample: RuntimeStep = { milliseconds: performance.now() - began, loss, threads };
  console.log(JSON.stringify(sample));
}
await disposeBackends();
