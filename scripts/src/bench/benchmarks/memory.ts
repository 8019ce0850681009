/** The benchmark memory: whether the memory of a training process grows. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export type MemoryMode = 'compiled' | 'eager';

export interface MemorySample {
  readonly step: number;
  /** The resident size of the process: the median over the preceding steps. */
  readonly residentBytes: number;
  /** The memory of the backend that tensors and programs use. */
  readonly tensorBytes: number;
  readonly reservedBytes: number;
}

export interface MemoryRow {
  readonly mode: MemoryMode;
  readonly early: MemorySample;
  readonly late: MemorySample;
  /** (late - early) / early of the resident size. */
  readonly growth: number;
}

const script = fileURLToPath(new URL('./memory-child.ts', import.meta.url));
const moments = [100, 1000] as const;

/** Measures the resident size after 100 and 1,000 training steps of a tiny CLIP, compiled and eager, each in a new process. */
export async function measureMemory(say: (line: string) => void): Promise<MemoryRow[]> {
  const rows: MemoryRow[] = [];
  for (const mode of ['compiled', 'eager'] as const) {
    say(`  ${moments[1]} ${mode} steps`);
    const args = [...process.execArgv, script, mode, ...moments.map(String)];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    const [early, late] = JSON.parse(stdout) as [MemorySample, MemorySample];
    rows.push({ mode, early, late, growth: late.residentBytes / early.residentBytes - 1 });
  }
  return rows;
}
