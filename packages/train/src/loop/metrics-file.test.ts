/** The metrics file: exact numbers, resumed runs, killed processes. */
import { spawn } from 'node:child_process';
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MetricsWriter, readMetrics, truncateMetrics } from './metrics-file.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'metrics-'));
  path = join(folder, 'metrics.jsonl');
});
afterEach(() => rm(folder, { recursive: true }));

async function write(steps: number[], from = 0): Promise<void> {
  const writer = await MetricsWriter.open(path, from);
  for (const step of steps) writer.append({ kind: 'step', step, loss: 1 / step });
  writer.sync();
  writer.close();
}
const stepsInFile = async () => (await readMetrics(path)).map(({ step }) => step);

describe('a metrics file', () => {
  it('keeps numbers bit for bit, and writes null for numbers that are not finite', async () => {
    const writer = await MetricsWriter.open(path);
    writer.append({ kind: 'step', step: 1, loss: 0.1 + 0.2, grad_norm: Number.NaN });
    expect(await readMetrics(path)).toEqual([{ kind: 'step', step: 1, loss: 0.30000000000000004, grad_norm: null }]);
    writer.close();
    expect(() => writer.append({ kind: 'step', step: 2 })).toThrow('the metrics file is closed');
  });

  it('continues after a checkpoint: later lines are removed and written again', async () => {
    await write([1, 2, 3, 4, 5]);
    await write([4, 5, 6], 3);
    expect(await stepsInFile()).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await readdir(folder)).toEqual(['metrics.jsonl']);
  });

  it('starts empty for a new run', async () => {
    await write([1, 2, 3]);
    await write([1]);
    expect(await stepsInFile()).toEqual([1]);
  });

  it('is read without an incomplete last line, which is removed before more is written', async () => {
    await write([1, 2]);
    await appendFile(path, '{"kind":"step","st');
    expect(await stepsInFile()).toEqual([1, 2]);
    await write([3], 2);
    expect(await stepsInFile()).toEqual([1, 2, 3]);
    expect((await readFile(path, 'utf8')).endsWith('}\n')).toBe(true);
  });

  it.each(['not json', '{"step":1}', '{"kind":"step"}', 'null', ''])(
    'is refused if it contains the line %j',
    async (line) => {
      const content = `{"kind":"step","step":1}\n${line}\n{"kind":"step","step":3}\n`;
      await writeFile(path, content);
      await expect(readMetrics(path)).rejects.toThrow(`${path}, line 2: `);
      await expect(truncateMetrics(path, 1)).rejects.toThrow('line 2');
      expect(await readFile(path, 'utf8')).toBe(content);
    },
  );

  it('has complete lines after the writer was killed', async () => {
    const source = `
      import { MetricsWriter } from ${JSON.stringify(new URL('./metrics-file.ts', import.meta.url).href)};
      const writer = await MetricsWriter.open(${JSON.stringify(path)});
      for (let step = 1; ; step++) writer.append({ kind: 'step', step, text: 'x'.repeat(step % 5000) });
    `;
    const child = spawn(process.execPath, ['--conditions=tessera-source', '--input-type=module', '--eval', source], {
      stdio: 'ignore',
    });
    const exited = new Promise((resolve) => child.once('exit', resolve));
    await expect.poll(() => stepsInFile().catch(() => []), { timeout: 20_000 }).not.toHaveLength(0);
    child.kill('SIGKILL');
    await exited;
    const steps = await stepsInFile();
    expect(steps).toEqual(steps.map((_, i) => i + 1));
    expect((await readFile(path, 'utf8')).endsWith('}\n')).toBe(true);
  }, 30_000);
});
