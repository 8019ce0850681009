/** What eager programs keep in memory: each program runs in a process of its own, for a number of turns. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';

const run = promisify(execFile);
const index = fileURLToPath(new URL('../index.ts', import.meta.url));

/** The resident size, in MiB, after each number of turns of a loop, and the last value. */
async function sizes(
  body: string,
  turns: readonly number[],
  threads: number,
): Promise<{ rss: number[]; last: number }> {
  const program = `
    import { noGrad, setDefaultBackend, tensor, tidy } from ${JSON.stringify(index)};
    setDefaultBackend('wasm');
    let a = tensor(new Float32Array(512 * 1024).fill(1));
    const state = tensor(new Float32Array(512 * 1024).fill(1));
    let sum = tensor(0);
    const rss = [];
    for (let turn = 1; turn <= ${turns.at(-1)}; turn++) {
      ${body}
      if (${JSON.stringify(turns)}.includes(turn)) {
        gc();
        rss.push(Math.round(process.memoryUsage().rss / 2 ** 20));
      }
    }
    console.log(JSON.stringify({ rss, last: (await a.data())[0] }));
  `;
  const { stdout } = await run(
    process.execPath,
    ['--expose-gc', '--conditions=tessera-source', '--input-type=module', '--eval', program],
    { env: { ...process.env, TESSERA_THREADS: String(threads) } },
  );
  return JSON.parse(stdout) as { rss: number[]; last: number };
}

const next = 'a.mul(1.0001).add(1e-6)';
const expected = (turns: number): number => {
  let x = 1;
  for (let turn = 0; turn < turns; turn++) x = x * 1.0001 + 1e-6;
  return x;
};

describe('a loop that computes 2 MiB from the last 2 MiB stays flat', () => {
  test.each([
    ['reading', `a = ${next}; await a.data();`, 2],
    ['reading, on one thread', `a = ${next}; await a.data();`, 1],
    ['without reading', `a = ${next}; await a.realize();`, 1],
    ['detached', `a = ${next}.detach(); await a.data();`, 1],
    ['detached before', 'a = a.detach().mul(1.0001).add(1e-6); await a.data();', 1],
    ['noGrad', `a = noGrad(() => ${next}); await a.data();`, 1],
    [
      'tidy',
      `const b = a; a = await tidy(async () => { const c = b.mul(1.0001).add(1e-6); await c.data(); return c; });`,
      1,
    ],
    ['reading only a sum of it', `a = ${next}; await a.sum().item();`, 1],
    ['reading without awaiting', `a = ${next}; a.dataSync();`, 1],
    ['assigning, never reading', `state.assign(state.mul(1.0001).add(1e-6)); a = state;`, 1],
    ['new data each turn', `a = ${next}.add(tensor(new Float32Array(512 * 1024))); a.dataSync();`, 1],
  ])('%s', { timeout: 120_000 }, async (_name, body, threads) => {
    const turns = 240;
    const { rss, last } = await sizes(body, [60, turns], threads);
    const [early = 0, late = 0] = rss;
    // 180 turns of 2 MiB would be 360 MiB. The allowance is what garbage is tolerated before it is collected.
    expect(late - early).toBeLessThan(120);
    expect(last).toBeCloseTo(expected(turns), 3);
  });
});
