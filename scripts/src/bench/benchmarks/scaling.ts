/** The benchmark scaling: how time and memory of a training step grow with batch size, image size, width and threads. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CLIPConfig, presets } from '@tessera/models';
import { closeBackend, createWasmBackend, setDefaultBackend } from '@tessera/tensor';
import { registerBackend } from '@tessera/tensor/backend';
import { planMemory } from '../measure/plan-memory.ts';
import { fitPowerLaw, type PowerLaw } from '../measure/power-law.ts';
import { tesseraEngine } from '../tessera.ts';
import { prepareStep } from './clip-step.ts';

type Axis = 'batch' | 'image size' | 'width' | 'threads';

export interface ScalingRow {
  readonly axis: Axis;
  readonly value: number;
  readonly milliseconds: number;
  /** Floating-point operations of products and convolutions. */
  readonly operations: number;
  readonly arenaBytes: number;
  readonly liveBytes: number;
  readonly kernels: number;
  readonly compileMs: number;
}

export interface ScalingFit {
  readonly axis: Axis;
  readonly time: PowerLaw;
  readonly memory: PowerLaw;
  /** The growth of the number of operations, for comparison with the time. */
  readonly operations: PowerLaw;
}

export interface ScalingReport {
  readonly model: string;
  readonly rows: readonly ScalingRow[];
  readonly fits: readonly ScalingFit[];
}

interface Point {
  readonly config: CLIPConfig;
  readonly batch: number;
  readonly threads: number;
}

const preset = 'vit-tiny-64';
const headWidth = 64;

/** The model with another image size. */
const ofImageSize = (config: CLIPConfig, imageSize: number): CLIPConfig => ({
  ...config,
  vision: { ...config.vision, imageSize },
});

/** The model with another width of both towers, at 64 channels per head. */
const ofWidth = (config: CLIPConfig, width: number): CLIPConfig => ({
  ...config,
  embedDim: width,
  vision: { ...config.vision, width, heads: width / headWidth },
  text: { ...config.text, width, heads: width / headWidth },
});

/** The values of each axis, and the point for a value. The other axes stay at `base`. */
const axesFrom = (
  base: Point,
): Readonly<Record<Axis, { values: readonly number[]; at: (value: number) => Point }>> => ({
  batch: { values: [8, 16, 32, 64, 128], at: (batch) => ({ ...base, batch }) },
  'image size': {
    values: [32, 48, 64, 96, 128],
    at: (size) => ({ ...base, batch: 16, config: ofImageSize(base.config, size) }),
  },
  width: {
    values: [64, 128, 192, 256, 384],
    at: (width) => ({ ...base, batch: 16, config: ofWidth(base.config, width) }),
  },
  threads: {
    values: Array.from({ length: base.threads }, (_, k) => k + 1).filter(
      (n) => Number.isInteger(Math.log2(n)) || n === base.threads,
    ),
    at: (threads) => ({ ...base, threads }),
  },
});

/** Measures points along each axis and fits power laws. */
export async function measureScaling(
  threads: number,
  runs: number,
  version: string,
  say: (line: string) => void,
): Promise<ScalingReport> {
  const axes = axesFrom({ config: presets[preset], batch: 64, threads });
  const rows: ScalingRow[] = [];
  for (const [axis, { values, at }] of Object.entries(axes) as [Axis, (typeof axes)[Axis]][])
    for (const value of values) {
      say(`  ${axis} ${value}`);
      rows.push({ axis, value, ...(await measurePoint(at(value), runs, version)) });
    }
  const fits = (Object.keys(axes) as Axis[]).flatMap((axis): ScalingFit[] => {
    const own = rows.filter((row) => row.axis === axis);
    if (own.length < 2) return [];
    const powerLawOf = (y: (row: ScalingRow) => number): PowerLaw =>
      fitPowerLaw(own.map((row) => ({ x: row.value, y: y(row) })));
    return [
      {
        axis,
        time: powerLawOf((row) => row.milliseconds),
        memory: powerLawOf((row) => row.arenaBytes),
        operations: powerLawOf((row) => row.operations),
      },
    ];
  });
  return { model: preset, rows, fits };
}

async function measurePoint(
  { config, batch, threads }: Point,
  runs: number,
  version: string,
): Promise<Omit<ScalingRow, 'axis' | 'value'>> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-bench-'));
  const name = `scaling on ${threads} threads`;
  registerBackend(name, () => createWasmBackend({ threads }));
  const backend = setDefaultBackend(name);
  try {
    const { work } = await prepareStep(preset, config, batch, folder);
    const prepared = await tesseraEngine(backend, version).prepare(work);
    const times = await prepared.measure(runs);
    const { operations, kernels, arenaBytes, compileMs, program } = prepared;
    const { lowerBound: liveBytes } = planMemory(program.plan);
    await prepared.release();
    return { milliseconds: Math.min(...times), operations, kernels, arenaBytes, liveBytes, compileMs };
  } finally {
    setDefaultBackend('wasm');
    await closeBackend(name);
    await rm(folder, { recursive: true, force: true });
  }
}
