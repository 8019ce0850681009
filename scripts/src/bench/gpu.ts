/** The benchmark gpu: products in f32 and f16, convolutions, and training steps of CLIP, compared with PyTorch on the same GPU. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CLIPConfig, presets } from '@tessera/models';
import type { AdapterDescription, Backend, WebGpuBackend } from '@tessera/tensor';
import { prepareStep } from './benchmarks/clip-step.ts';
import { type PreparedWork, UnsupportedWork } from './engine.ts';
import { cudaTorch } from './peers/python.ts';
import { type Column, digits, formatTable, percent } from './report/table.ts';
import { tesseraEngine } from './tessera.ts';
import { disagreement } from './values.ts';
import { gemm, labelOf, operationsOf, type Work } from './work.ts';

/** The batch sizes of the training steps. */
export const gpuBatches: readonly number[] = [64, 128, 256];

export interface GpuBenchOptions {
  /** Tiny sizes, as a test that also runs on a CPU. */
  readonly quick: boolean;
  /** The batch sizes of the training steps. */
  readonly batches: readonly number[];
  /** Tessera's version. */
  readonly version: string;
}

interface GpuRow {
  readonly work: string;
  readonly precision: 'f32' | 'f16';
  /** The time of one run, when many are queued. */
  readonly milliseconds: number;
  /** 10^12 floating-point operations per second. */
  readonly teraflops: number;
  /** Dispatches and submits per run. */
  readonly dispatches: number;
  readonly submits: number;
  /** Bytes that a run uploads. Its inputs stay on the device. */
  readonly bytesUploaded: number;
  readonly torchMilliseconds: number | null;
  /** Our speed divided by PyTorch's. */
  readonly ofTorch: number | null;
}

export interface GpuReport {
  readonly tessera: string;
  readonly started: string;
  readonly adapter: AdapterDescription;
  readonly torch: { readonly version: string; readonly gpu: string } | null;
  readonly rows: readonly GpuRow[];
  /** Works that the device does not support. */
  readonly leftOut: readonly { readonly work: string; readonly reason: string }[];
  /** Results in f32 that differ from PyTorch's. */
  readonly disagreements: readonly string[];
}

const precisions = [undefined, 'f16'] as const;

function products(quick: boolean): Work[] {
  const sizes = quick ? [32] : [1024, 2048, 4096];
  const conv = quick
    ? { images: 1, channels: 4, size: 8, filters: 4, window: 3, stride: 1, padding: 1 }
    : { images: 64, channels: 128, size: 56, filters: 128, window: 3, stride: 1, padding: 1 };
  const passes = ['forward', 'input gradient', 'weight gradient'] as const;
  return [
    ...sizes.map((size) => gemm(size, size, size)),
    ...(quick ? [] : [gemm(4096, 4096, 4096, { transposeB: true }), gemm(768, 3072, 12800, { transposeA: true })]),
    ...passes.map((pass): Work => ({ kind: 'conv', pass, ...conv })),
  ];
}

/** The models of the training steps, with their names. */
const largest = ['ViT-B/32', presets['ViT-B/32']] as const;
const smallest = [
  'one layer',
  {
    embedDim: 8,
    vision: { kind: 'vit', imageSize: 8, patchSize: 4, width: 8, layers: 1, heads: 1 },
    text: { contextLength: 6, vocabularySize: 20, width: 8, layers: 1, heads: 1 },
  },
] as const satisfies readonly [string, CLIPConfig];

const isWebGpu = (backend: Backend): backend is WebGpuBackend => backend.name === 'webgpu';

/** Runs are queued for about this time before waiting for them. */
const turnMs = 300;
const rounds = 5;

/** The time of a run in ms, the best of several rounds. */
async function timeOf(prepared: PreparedWork, synchronize: () => Promise<void>, quick: boolean): Promise<number> {
  const turn = async (runs: number): Promise<number> => {
    const start = performance.now();
    await prepared.measure(runs);
    await synchronize();
    return (performance.now() - start) / runs;
  };
  await turn(1);
  const once = await turn(1);
  if (quick) return once;
  const runs = Math.max(1, Math.min(1000, Math.round(turnMs / once)));
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) times.push(await turn(runs));
  return Math.min(...times);
}

/** Runs the benchmark. @throws if the backend is not WebGPU */
export async function benchGpu(
  backend: Backend,
  { quick, batches, version }: GpuBenchOptions,
  { print, say }: { print(text: string): void; say(line: string): void },
): Promise<GpuReport> {
  if (!isWebGpu(backend)) throw new Error(`gpu: the backend '${backend.name}' is not a GPU; use --backend webgpu`);
  const started = new Date().toISOString();
  const ours = tesseraEngine(backend, version);
  const peer = await cudaTorch(say);
  const rows: GpuRow[] = [];
  const leftOut: { work: string; reason: string }[] = [];
  const disagreements: string[] = [];
  const { adapter } = backend;
  print(
    `${adapter.name}; ${peer === null ? 'no PyTorch with a GPU was found (TESSERA_PYTHON can name an interpreter)' : `PyTorch ${peer.version} on ${peer.gpu}`}`,
  );

  const measure = async (work: Work): Promise<void> => {
    const precision = work.precision ?? 'f32';
    const label = labelOf(work);
    say(`${label}, ${precision}`);
    const prepared = await ours.prepare(work);
    try {
      const milliseconds = await timeOf(prepared, () => backend.synchronize(), quick);
      const before = backend.statistics();
      await prepared.measure(1);
      const after = backend.statistics();
      let torchMilliseconds: number | null = null;
      if (peer !== null) {
        const theirs = await peer.process.prepare('torch', work);
        const wrong = disagreement(prepared.check, theirs.check);
        if (wrong !== null && precision === 'f32') disagreements.push(`${label}: ${wrong}`);
        // PyTorch waits for its queue itself.
        torchMilliseconds = await timeOf(theirs, async () => undefined, quick);
        await theirs.release();
      }
      rows.push({
        work: label,
        precision,
        milliseconds,
        teraflops: (operationsOf(work) ?? prepared.operations) / milliseconds / 1e9,
        dispatches: after.dispatches - before.dispatches,
        submits: after.submits - before.submits,
        bytesUploaded: after.bytesUploaded - before.bytesUploaded,
        torchMilliseconds,
        ofTorch: torchMilliseconds === null ? null : torchMilliseconds / milliseconds,
      });
    } catch (error) {
      if (!(error instanceof UnsupportedWork)) throw error;
      leftOut.push({ work: `${label}, ${precision}`, reason: error.message });
    } finally {
      await prepared.release();
    }
  };

  const folder = await mkdtemp(join(tmpdir(), 'tessera-bench-'));
  try {
    for (const work of products(quick)) for (const precision of precisions) await measure({ ...work, precision });
    for (const batch of quick ? [2] : batches) {
      const [name, model] = quick ? smallest : largest;
      const { work } = await prepareStep(name, model, batch, folder);
      for (const precision of quick ? [undefined] : precisions) await measure({ ...work, precision });
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
    await peer?.process.close();
  }
  print(formatTable(columns, rows));
  for (const { work, reason } of leftOut) print(`left out: ${work}: ${reason}`);
  for (const line of disagreements) print(`differs from PyTorch: ${line}`);
  const torch = peer === null ? null : { version: peer.version, gpu: peer.gpu };
  return { tessera: version, started, adapter, torch, rows, leftOut, disagreements };
}

const columns: readonly Column<GpuRow>[] = [
  { title: 'work', align: 'left', cell: ({ work }) => work },
  { title: 'precision', align: 'left', cell: ({ precision }) => precision },
  { title: 'ms', cell: ({ milliseconds }) => digits(milliseconds) },
  { title: 'TFLOP/s', cell: ({ teraflops }) => digits(teraflops) },
  { title: 'dispatches', cell: ({ dispatches }) => String(dispatches) },
  { title: 'submits', cell: ({ submits }) => String(submits) },
  {
    title: 'uploaded',
    meaning: 'bytes that a run uploads; its inputs stay on the device',
    cell: ({ bytesUploaded }) => String(bytesUploaded),
  },
  {
    title: 'PyTorch ms',
    cell: ({ torchMilliseconds }) => (torchMilliseconds === null ? '-' : digits(torchMilliseconds)),
  },
  {
    title: 'of PyTorch',
    meaning: "our speed divided by PyTorch's on the same GPU: f32 without TF32, f16 with autocast",
    cell: ({ ofTorch }) => (ofTorch === null ? '-' : percent(ofTorch)),
  },
];
