/** Whole runs in mixed precision. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeTinyDataset } from '@tessera/data/testing';
import { getBackend, setDefaultBackend } from '@tessera/tensor';
import { registerBackend } from '@tessera/tensor/backend';
import { readTensors } from '@tessera/weights';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readMetrics } from './loop/metrics-file.ts';
import { zip } from './loop/zip.ts';
import { RunFolder } from './run-folder/run-folder.ts';
import { useTestBackend } from './testing/backend.ts';
import { trainTiny } from './testing/train-tiny.ts';
import { valuesOf } from './testing/values-of.ts';

let root: string;
beforeAll(async () => {
  useTestBackend();
  root = await fs.mkdtemp(join(tmpdir(), 'precision-'));
  await writeTinyDataset(join(root, 'data'), { copies: 2 });
});
afterAll(() => fs.rm(root, { recursive: true }));

interface StepLine {
  readonly loss: number | null;
  readonly gradNorm: number | null;
  readonly lossScale?: number;
  readonly skippedSteps?: number;
}

async function stepsOf(name: string): Promise<StepLine[]> {
  const records = await readMetrics(new RunFolder(join(root, name)).metrics);
  return records
    .filter(({ kind }) => kind === 'step')
    .map(({ loss, gradNorm, lossScale, skippedSteps }) => ({ loss, gradNorm, lossScale, skippedSteps }) as StepLine);
}

const lossesOf = async (name: string): Promise<number[]> => (await stepsOf(name)).map(({ loss }) => loss as number);

const weightsOf = async (name: string): Promise<Record<string, readonly number[]>> => {
  const file = await readTensors(new RunFolder(join(root, name)).model);
  return valuesOf(file.select((tensor) => tensor));
};

describe('a run in mixed precision', () => {
  it('follows the run in f32, and keeps its weights in f32', async () => {
    for (const precision of ['f32', 'bf16', 'f16'])
      await trainTiny(root, {
        name: precision,
        set: [`training.precision=${precision}`, ...(precision === 'f16' ? ['training.precision.lossScale=256'] : [])],
      });
    const exact = await lossesOf('f32');
    for (const [precision, tolerance] of [
      ['bf16', 0.05],
      ['f16', 0.01],
    ] as const) {
      const losses = await lossesOf(precision);
      expect(losses).toHaveLength(exact.length);
      expect(losses).not.toEqual(exact);
      for (const [k, [loss, other]] of zip(exact, losses).entries())
        expect(Math.abs(loss - other), `${precision}, step ${k + 1}`).toBeLessThan(tolerance);
    }
    expect((await stepsOf('f16')).map(({ lossScale, skippedSteps }) => [lossScale, skippedSteps])).toEqual(
      exact.map(() => [256, 0]),
    );
    expect((await stepsOf('bf16')).every(({ lossScale }) => lossScale === undefined)).toBe(true);
  });

  it('recovers from overflows, and does the same when it is stopped and resumed in between', async () => {
    const set = ['training.precision={kind: f16, lossScale: 1048576}'];
    const reports: { skipped: boolean; scale: number | undefined }[] = [];
    const listener = {
      onStep: ({ skipped, scaling }: { skipped: boolean; scaling: { scale: number } | null }) => {
        reports.push({ skipped, scale: scaling?.scale });
      },
    };
    await trainTiny(root, { name: 'whole', set, listener });
    expect(reports[0]).toEqual({ skipped: true, scale: 2 ** 20 });
    expect(reports.at(-1)?.skipped).toBe(false);
    const steps = await stepsOf('whole');
    expect(steps[0]?.gradNorm).toBeNull();
    expect(steps.at(-1)?.skippedSteps).toBe(reports.filter(({ skipped }) => skipped).length);

    await trainTiny(root, { name: 'parts', set, stopAfter: 2 });
    await trainTiny(root, { name: 'parts', set, resume: true });
    expect(await stepsOf('parts')).toEqual(steps);
    expect(await weightsOf('parts')).toEqual(await weightsOf('whole'));
  });

  it('is refused at the start on a backend that does not support it', async () => {
    const { name } = getBackend();
    const lacking = Object.create(getBackend(), {
      name: { value: 'lacking' },
      whyUnsupported: { value: (dtype: string) => (dtype === 'f16' ? 'the adapter has no shader-f16' : null) },
    });
    registerBackend('lacking', () => lacking);
    setDefaultBackend('lacking');
    try {
      await expect(trainTiny(root, { name: 'refused', set: ['training.precision=f16'] })).rejects.toThrow(
        'training.precision is f16, which this backend does not support: the adapter has no shader-f16. Choose bf16',
      );
      await expect(fs.access(join(root, 'refused'))).rejects.toThrow();
    } finally {
      setDefaultBackend(name);
    }
  });
});
