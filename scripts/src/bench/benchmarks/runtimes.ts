/** The benchmark runtimes: a training step of CLIP under Node, Deno and Bun, in turns. */
import { type ChildProcess, spawn } from 'node:child_process';
import { loadavg } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { PresetName } from '@tessera/models';
import { findRuntime, howToInstall, type Runtime, type RuntimeName } from '../../lib/runtimes/find.ts';
import { median } from '../measure/statistics.ts';

/** One step. */
export interface RuntimeStep {
  readonly milliseconds: number;
  readonly loss: number;
  readonly threads: number;
}

export interface RuntimeRow {
  /** The runtime, and what differs from its usual settings. */
  readonly title: string;
  readonly version: string;
  readonly threads: number;
  readonly medianMs: number;
  readonly minMs: number;
  /** The median of the ratios to the first row's step of the same turn. */
  readonly ratio: number;
  readonly loss: number;
}

export interface RuntimesReport {
  readonly preset: string;
  readonly batch: number;
  readonly rounds: number;
  /** Processes that waited for a core, on average over the last minute, at the end. */
  readonly load: number;
  readonly rows: readonly RuntimeRow[];
  readonly missing: readonly string[];
}

const script = fileURLToPath(new URL('./runtimes-child.ts', import.meta.url));

/** Steps before the measurement: the engine compiles, and the threads start. */
const warmUp = 3;

interface Contestant {
  readonly title: string;
  readonly name: RuntimeName;
  readonly environment: Readonly<Record<string, string>>;
}

const contestants: readonly Contestant[] = [
  { title: 'node', name: 'node', environment: {} },
  { title: 'node, no re-vectorizer', name: 'node', environment: { TESSERA_REVECTORIZE: '0' } },
  { title: 'deno', name: 'deno', environment: {} },
  { title: 'bun', name: 'bun', environment: {} },
];

/** A process that runs one step whenever it is asked. */
class Stepper {
  readonly title: string;
  readonly version: string;
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor({ title, environment }: Contestant, runtime: Runtime, preset: PresetName, batch: number) {
    this.title = title;
    this.version = runtime.version;
    this.#process = spawn(runtime.path, [...runtime.arguments, script, preset, `${batch}`], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, DENO_NO_UPDATE_CHECK: '1', ...environment },
    });
    if (this.#process.stdout === null) throw new Error(`${title}: the process has no output`);
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  /** @throws where the process has ended */
  async step(): Promise<RuntimeStep> {
    this.#process.stdin?.write('step\n');
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`runtimes: ${this.title} has ended with status ${this.#process.exitCode}`);
    return JSON.parse(value) as RuntimeStep;
  }

  async end(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.stdin?.end();
    await ended;
  }
}

/** Steps of all installed runtimes, one after the other in each round, so that other load affects all alike. */
export async function measureRuntimes(
  preset: PresetName,
  batch: number,
  rounds: number,
  say: (line: string) => void,
): Promise<RuntimesReport> {
  const missing = new Set<string>();
  const steppers: Stepper[] = [];
  const samples = new Map<Stepper, RuntimeStep[]>();
  try {
    for (const contestant of contestants) {
      const runtime = findRuntime(contestant.name);
      if (runtime === null) {
        missing.add(`${contestant.name}: ${howToInstall}`);
        continue;
      }
      say(`  starting ${contestant.title}`);
      const stepper = new Stepper(contestant, runtime, preset, batch);
      steppers.push(stepper);
      samples.set(stepper, []);
      for (let k = 0; k < warmUp; k++) await stepper.step();
    }
    for (let round = 0; round < rounds; round++)
      for (const stepper of steppers) samples.get(stepper)?.push(await stepper.step());
  } finally {
    await Promise.all(steppers.map((stepper) => stepper.end()));
  }
  const first = [...samples.values()][0] ?? [];
  const rows = [...samples].map(([{ title, version }, steps]) => summarizeSteps({ title, version }, steps, first));
  return { preset, batch, rounds, load: loadavg()[0] ?? 0, rows, missing: [...missing] };
}

/** Summarizes the steps of one process. @param first the steps of the process that it is compared with, of the same turns */
export function summarizeSteps(
  facts: Pick<RuntimeRow, 'title' | 'version'>,
  steps: readonly RuntimeStep[],
  first: readonly RuntimeStep[],
): RuntimeRow {
  const times = steps.map(({ milliseconds }) => milliseconds);
  return {
    ...facts,
    threads: steps[0]?.threads ?? 0,
    medianMs: median(times),
    minMs: Math.min(...times),
    ratio: median(times.map((time, k) => time / (first[k]?.milliseconds ?? Number.NaN))),
    loss: steps.at(-1)?.loss ?? Number.NaN,
  };
}
