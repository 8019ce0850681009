/** The benchmark start: the time from the start of a process to the end of its first training step. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { PresetName } from '@tessera/models';
import type { ProgramTimes } from '@tessera/tensor';
import { median } from '../measure/statistics.ts';

/** The times of the parts, in ms. */
export interface StartTimes extends ProgramTimes {
  /** Starting Node and loading the sources, with the options of this process. */
  readonly loading: number;
  /** The backend, the model with its initial values, and the optimizer. */
  readonly model: number;
  readonly batch: number;
  /** Time outside of all stages of compilation. */
  readonly other: number;
  readonly firstStep: number;
}

/** The times of one process. */
export interface StartSample {
  readonly preset: string;
  readonly loss: number;
  readonly parameters: number;
  readonly milliseconds: StartTimes;
  readonly totalMs: number;
  /** CPU time of all threads until the end of the first step. */
  readonly cpuMs: number;
  readonly secondStepMs: number;
}

export interface StartRow {
  readonly preset: string;
  readonly batch: number;
  readonly parameters: number;
  readonly totalMs: number;
  /** The total of the fastest process. */
  readonly minMs: number;
  readonly cpuMs: number;
  /** The median of each part. Their sum can differ from the median total. */
  readonly milliseconds: StartTimes;
  readonly secondStepMs: number;
  readonly runs: number;
}

/** The models that are measured by default. */
export const startPresets = ['vit-tiny-64', 'vit-small-64'] as const satisfies readonly PresetName[];

const script = fileURLToPath(new URL('./start-child.ts', import.meta.url));

async function startOnce(preset: PresetName, batch: number): Promise<StartSample> {
  const started = performance.timeOrigin + performance.now();
  const args = [...process.execArgv, script, preset, `${batch}`, `${started}`];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout) as StartSample;
}

/** Starts a process for each model in turn, `rounds` times, and computes medians. One more round before fills the file caches. */
export async function measureStart(
  presets: readonly PresetName[],
  batch: number,
  rounds: number,
  say: (line: string) => void,
): Promise<StartRow[]> {
  const samples = new Map<PresetName, StartSample[]>(presets.map((preset) => [preset, []]));
  for (let round = 0; round <= rounds; round++)
    for (const [preset, list] of samples) {
      const sample = await startOnce(preset, batch);
      say(`  ${preset}, ${round === 0 ? 'to warm up' : `process ${round}`}: ${sample.totalMs.toFixed(0)} ms`);
      if (round > 0) list.push(sample);
    }
  return [...samples].map(([preset, list]) => summarizeStart(preset, batch, list));
}

/** Summarizes the processes of a model. */
export function summarizeStart(preset: string, batch: number, samples: readonly StartSample[]): StartRow {
  const [first] = samples;
  if (first === undefined) throw new RangeError('start: no process was measured');
  const middle = (time: (sample: StartSample) => number): number => median(samples.map(time));
  const parts = Object.keys(first.milliseconds) as (keyof StartTimes)[];
  return {
    ...{ preset, batch, parameters: first.parameters, runs: samples.length },
    totalMs: middle(({ totalMs }) => totalMs),
    minMs: Math.min(...samples.map(({ totalMs }) => totalMs)),
    cpuMs: middle(({ cpuMs }) => cpuMs),
    milliseconds: Object.fromEntries(
      parts.map((part) => [part, middle(({ milliseconds }) => milliseconds[part])]),
    ) as unknown as StartTimes,
    secondStepMs: middle(({ secondStepMs }) => secondStepMs),
  };
}
