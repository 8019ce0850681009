// npm run bench: usage errors, and small runs of some benchmarks.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { sourceArguments } from '@tessera/cli/testing';
import { describeAdapter } from '@tessera/tensor';
import { describe, expect, test } from 'vitest';
import type { StartRow } from './bench/benchmarks/start.ts';
import type { GpuReport } from './bench/gpu.ts';
import type { BenchReport } from './bench/run.ts';

const script = fileURLToPath(new URL('./bench.ts', import.meta.url));

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the command as npm does. */
function bench(...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, [...sourceArguments, script, ...args], (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

/** Why there is no WebGPU adapter, not even in software; null if there is one. */
const noAdapter = await describeAdapter().then(
  () => null,
  (error: Error) => error.message,
);

describe('npm run bench', () => {
  test.each([
    [['gem'], 'Invalid values'],
    [['gemm', '--preset', 'vit-tiny-46'], 'Invalid values'],
    [['clip-step', '--batch', '0'], '--batch must be an integer of at least 1, got 0'],
    [['clip-step', '--all', '--preset', 'vit-tiny-64'], 'mutually exclusive'],
    [['gemm', '--backend', 'wsam'], 'there is no backend wsam'],
    [['data', '--dataset', 'no-such-folder'], 'no-such-folder'],
    [['gpu', 'gemm'], 'gpu cannot be combined with other benchmarks'],
    [['gpu', '--backend', 'wasm'], "the backend 'wasm' is not a GPU"],
  ])('%j is rejected with a reason', async (args, reason) => {
    const { code, out, err } = await bench(...args, '--json');
    expect(err).toContain(reason);
    expect(code).toBe(1);
    expect(out).toBe('');
  });

  test('--json prints a single document', async () => {
    const { code, out, err } = await bench('data', '--json');
    expect(code, err).toBe(0);
    const report = JSON.parse(out) as BenchReport;
    expect(report.data?.rows.map(({ workers, cached }) => [workers, cached]).slice(0, 4)).toEqual([
      [0, false],
      [0, true],
      [1, false],
      [1, true],
    ]);
    for (const { imagesPerSecond } of report.data?.rows ?? []) expect(imagesPerSecond).toBeGreaterThan(10);
    expect(report).toMatchObject({ gemm: [], 'clip-step': [], peak: null, start: [], memory: [] });
    expect(report.machine.node).toBe(process.versions.node);
  });

  test('start measures a process up to its first step, and each part of it', async () => {
    const { code, out, err } = await bench(
      'start',
      '--json',
      '--preset',
      'vit-tiny-64',
      '--batch',
      '2',
      '--rounds',
      '1',
    );
    expect(code, err).toBe(0);
    const { start } = JSON.parse(out) as BenchReport;
    expect(start).toHaveLength(1);
    const [row] = start as [StartRow];
    expect(row).toMatchObject({ preset: 'vit-tiny-64', batch: 2, runs: 1 });
    expect(row.minMs).toBe(row.totalMs);
    const { other: _, compiling, ...parts } = row.milliseconds;
    for (const [part, milliseconds] of Object.entries(parts)) expect(milliseconds, part).toBeGreaterThan(0);
    expect(compiling).toBeGreaterThanOrEqual(0);
    const sum = Object.values(row.milliseconds).reduce((total, milliseconds) => total + milliseconds, 0);
    expect(sum).toBeCloseTo(row.totalMs, 3);
    expect(row.secondStepMs).toBeLessThan(row.totalMs);
  });

  test.skipIf(noAdapter !== null)(
    'gpu measures products and a training step, which takes one submit and uploads nothing',
    async () => {
      const { code, out, err } = await bench('gpu', '--quick', '--json');
      expect(code, err).toBe(0);
      const report = JSON.parse(out) as GpuReport;
      expect(report.disagreements).toEqual([]);
      expect(report.rows.map(({ precision }) => precision)).toContain('f32');
      for (const row of report.rows) {
        expect(row, row.work).toMatchObject({ submits: 1, bytesUploaded: 0 });
        expect(row.milliseconds, row.work).toBeGreaterThan(0);
      }
      expect(report.rows.at(-1)?.dispatches).toBeGreaterThan(50);
    },
    600_000,
  );

  test('a training step is timed, and compared with the peak of the same run', async () => {
    const { code, out, err } = await bench(
      'clip-step',
      '--json',
      '--preset',
      'vit-tiny-64',
      '--batch',
      '2',
      '--rounds',
      '2',
      '--peers',
      'none',
      '--profile',
    );
    expect(code, err).toBe(0);
    const { peak, 'clip-step': steps } = JSON.parse(out) as BenchReport;
    const [step] = steps;
    expect(peak?.library).toBe('Tessera');
    expect(step?.label).toBe('vit-tiny-64, 2 pairs');
    expect(step?.ours.medianMs).toBeGreaterThan(0);
    expect(step?.mfu).toBeCloseTo((step?.ours.gflops ?? 0) / (peak?.gflops ?? 0), 10);
    expect(step?.imagesPerSecond).toBeCloseTo(2000 / (step?.ours.medianMs ?? 0), 6);
    expect(step?.profile?.reduce((sum, { count }) => sum + count, 0)).toBe(step?.kernels);
    expect(steps).toHaveLength(1);
  });
});
