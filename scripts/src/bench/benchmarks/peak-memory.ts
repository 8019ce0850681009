/** The benchmark peak-memory: the largest resident size of a training process. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type PresetName, presets } from '@tessera/models';
import { eachTorch } from '../peers/python.ts';
import { disagreement } from '../values.ts';
import { type ClipStepWork, labelOf } from '../work.ts';
import { prepareStep } from './clip-step.ts';

/** The memory of one process. */
export interface PeakSample {
  /** The resident size before the model is created: the runtime and the library alone. */
  readonly importBytes: number;
  /** The largest resident size until the end of the third step. */
  readonly peakBytes: number;
  readonly losses: readonly number[];
}

interface PeakEntry extends PeakSample {
  readonly library: string;
  readonly version: string;
  /** Its peak divided by ours: above 1, Tessera needs less. */
  readonly ratio: number;
  /** How its losses differ from ours; null if they agree. */
  readonly disagreement: string | null;
}

export interface PeakMemoryRow {
  readonly label: string;
  readonly parameters: number;
  /** The memory of tensors and programs at the end. */
  readonly tensorBytes: number;
  readonly ours: PeakSample;
  readonly peers: readonly PeakEntry[];
}

export interface PeakMemoryOptions {
  readonly presets: readonly PresetName[];
  readonly batch: number;
  readonly threads: number;
  readonly withTorch: boolean;
  readonly say: (line: string) => void;
}

/** The models that are measured by default. */
export const peakPresets = ['ViT-B/32', 'RN50'] as const satisfies readonly PresetName[];

const script = fileURLToPath(new URL('./peak-memory-child.ts', import.meta.url));

async function ownPeak(work: ClipStepWork, threads: number): Promise<PeakSample & { readonly tensorBytes: number }> {
  const { stdout } = await promisify(execFile)(process.execPath, [...process.execArgv, script, JSON.stringify(work)], {
    env: { ...process.env, TESSERA_THREADS: String(threads) },
  });
  return JSON.parse(stdout) as PeakSample & { tensorBytes: number };
}

/**
 * Measures the peak resident size of a process that creates a model, loads its weights from a file, and runs three training steps: with
 * Tessera, and with each installation of PyTorch. Nothing else runs in the process.
 */
export async function measurePeakMemory(options: PeakMemoryOptions): Promise<PeakMemoryRow[]> {
  const rows: PeakMemoryRow[] = [];
  for (const preset of options.presets) {
    const folder = await mkdtemp(join(tmpdir(), 'tessera-bench-'));
    try {
      const { work, parameters } = await prepareStep(preset, presets[preset], options.batch, folder);
      rows.push(await measureRow(work, parameters, options));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  return rows;
}

async function measureRow(
  work: ClipStepWork,
  parameters: number,
  { threads, withTorch, say }: PeakMemoryOptions,
): Promise<PeakMemoryRow> {
  const label = labelOf(work);
  say(`  ${label}: Tessera`);
  const { tensorBytes, ...ours } = await ownPeak(work, threads);
  const peers: PeakEntry[] = [];
  if (withTorch)
    await eachTorch(threads, say, async ({ process, version }) => {
      say(`  ${label}: PyTorch ${version}`);
      const importBytes = await process.peakMemory();
      const { check: losses } = await process.prepare('torch', work);
      const peakBytes = await process.peakMemory();
      peers.push({
        ...{ library: 'PyTorch', version, importBytes, peakBytes, losses },
        ratio: peakBytes / ours.peakBytes,
        disagreement: disagreement(ours.losses, losses),
      });
    });
  return { label, parameters, tensorBytes, ours, peers };
}
