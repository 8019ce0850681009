/**
 * The process of the benchmark start, `start-child.ts PRESET BATCH MOMENT`: creates a model, runs a training step, and prints the time of
 * each part as JSON. MOMENT is the time at which the process was started, in ms since 1970.
 */
import type { PresetName } from '@tessera/models';
import { disposeBackends } from '@tessera/tensor';
import { presetBatch, presetModel, presetStep } from '../preset-step.ts';
import type { StartSample } from './start.ts';

const now = (): number => performance.timeOrigin + performance.now();
const loaded = now();

const [preset, batch, started] = [process.argv[2] as PresetName, Number(process.argv[3]), Number(process.argv[4])];
const made = presetModel(preset);
const modelMade = now();
const inputs = presetBatch(preset, batch);
const step = presetStep(made);
const batchMade = now();
const { times } = await step.program(...inputs);
const compiled = now();
const loss = await (await step(...inputs)).item();
const end = now();
const cpu = process.cpuUsage();
const again = now();
await (await step(...inputs)).item();

const sample: StartSample = {
  preset,
  loss,
  parameters: made.model.parameterCount(),
  milliseconds: {
    loading: loaded - started,
    model: modelMade - loaded,
    batch: batchMade - modelMade,
    ...times,
    other: compiled - batchMade - Object.values(times).reduce((sum, time) => sum + time, 0),
    firstStep: end - compiled,
  },
  totalMs: end - started,
  cpuMs: (cpu.user + cpu.system) / 1000,
  secondStepMs: now() - again,
};
console.log(JSON.stringify(sample));
await disposeBackends();
