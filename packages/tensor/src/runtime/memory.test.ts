/** What eager programs keep in memory: loops in a process of their own, for a number of turns. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';

const run = promisify(execFile);
const index = fileURLToPath(new URL('../index.ts', import.meta.url));

const next = 'a.mul(1.0001).add(1e-6)';

/** Loops that compute 2 MiB from the last 2 MiB. */
const loops = {
  reading: `a = ${next}; await a.data();`,
  'without reading': `a = ${next}; await a.realize();`,
  detached: `a = ${next}.detach(); await a.data();`,
  'detached before': 'a = a.detach().mul(1.0001).add(1e-6); await a.data();',
  noGrad: `a = noGrad(() => ${next}); await a.data();`,
  tidy: 'const b = a; a = await tidy(async () => { const c = b.mul(1.0001).add(1e-6); await c.data(); return c; });',
  'reading only a sum of it': `a = ${next}; await a.sum().item();`,
  compiled: 'a = await step(a);',
  'assigning, never reading': 'state.assign(state.mul(1.0001).add(1e-6)); a = state;',
  'reading without awaiting': `a = ${next}; a.dataSync();`,
  'new data each turn': `a = ${next}.add(tensor(new Float32Array(512 * 1024))); a.dataSync();`,
} as const;

const turns = 240;
const early = 60;

interface Sizes {
  /** The growth of the resident size from turn 60 to turn 240, in MiB. */
  readonly growth: number;
  readonly last: number;
}

/** Runs all loops, one after the other, in one process. */
async function measure(names: readonly string[], threads: number): Promise<Record<string, Sizes>> {
  const bodies = names.map(
    (name) => `
      await loop(${JSON.stringify(name)}, async (turn) => {
        ${loops[name as keyof typeof loops]}
      });`,
  );
  const program = `
    import { compile, noGrad, setDefaultBackend, tensor, tidy } from ${JSON.stringify(index)};
    setDefaultBackend('wasm');
    const ones = () => tensor(new Float32Array(512 * 1024).fill(1));
    const results = {};
    const step = compile((x) => x.mul(1.0001).add(1e-6));
    let a = ones();
    let state = ones();
    const resident = () => {
      gc();
      return process.memoryUsage().rss / 2 ** 20;
    };
    async function loop(name, body) {
      a = ones();
      state = ones();
      let before = 0;
      for (let turn = 1; turn <= ${turns}; turn++) {
        const done = body(turn);
        // A loop without await stays one.
        if (!name.includes('without awaiting') && !name.includes('new data')) await done;
        if (turn === ${early}) before = resident();
      }
      results[name] = { growth: Math.round(resident() - before), last: (await a.data())[0] };
    }
    ${bodies.join('\n')}
    console.log(JSON.stringify(results));
  `;
  const { stdout } = await run(
    process.execPath,
    ['--expose-gc', '--conditions=tessera-source', '--input-type=module', '--eval', program],
    { env: { ...process.env, TESSERA_THREADS: String(threads) } },
  );
  return JSON.parse(stdout) as Record<string, Sizes>;
}

const expected = Array.from({ length: turns }).reduce((x: number) => x * 1.0001 + 1e-6, 1);

// On one thread, short computations never return to the event loop; on two, they end in one of its turns.
const cases = [
  { threads: 1, names: Object.keys(loops) },
  { threads: 2, names: ['reading', 'compiled'] },
];

describe.each(cases)(
  'loops that compute 2 MiB from the last 2 MiB stay flat, threads: $threads',
  ({ threads, names }) => {
    let sizes: Record<string, Sizes>;

    beforeAll(async () => {
      sizes = await measure(names, threads);
    }, 180_000);

    test.each(names)('%s', (name) => {
      // 180 turns of 2 MiB would be 360 MiB. The allowance is what garbage is tolerated before it is collected.
      expect(sizes[name]?.growth).toBeLessThan(120);
      expect(sizes[name]?.last).toBeCloseTo(expected, 3);
    });
  },
);
