/** Gradients through collectives, and the same bits for any number of ranks. */
import { runThreads } from '@tessera/mpi';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Answer, Request } from './rank.testing.ts';

const program = new URL('./rank.testing.ts', import.meta.url);

const run = async (ranks: number, request: Request): Promise<Answer[]> =>
  (await runThreads(ranks, program, { data: request, timeoutSeconds: 60 })) as Answer[];

// Ranks share the cores.
const { TESSERA_THREADS } = process.env;
beforeAll(() => {
  process.env.TESSERA_THREADS = '1';
});
afterAll(() => {
  if (TESSERA_THREADS === undefined) delete process.env.TESSERA_THREADS;
  else process.env.TESSERA_THREADS = TESSERA_THREADS;
});

/** Started once, for both tests. */
let two: Promise<Answer[]> | undefined;
const onTwoRanks = (): Promise<Answer[]> => {
  two ??= run(2, { what: ['gradients', 'training'], backend: 'wasm' });
  return two;
};

it.each([
  ['wasm', onTwoRanks],
  ['reference', () => run(2, { what: ['gradients'], backend: 'reference' })],
] as const)('%s: derivatives of the sum of the losses of two ranks', async (_, start) => {
  for (const { differences } of await start()) {
    expect(Object.keys(differences).length).toBeGreaterThan(5);
    for (const [name, difference] of Object.entries(differences))
      expect({ name, difference, isSmall: difference < 1e-7 }).toMatchObject({ name, isSmall: true });
  }
});

it('1, 2 and 4 ranks train the same weights, bit for bit', async () => {
  const alone = await run(1, { what: ['training'], backend: 'wasm' });
  const four = await run(4, { what: ['training'], backend: 'wasm' });
  const weights = [...alone, ...(await onTwoRanks()), ...four].map((answer) => answer.weights);
  expect(weights).toHaveLength(7);
  expect(weights[0]).toMatch(/^[0-9a-f]{64}$/);
  expect(new Set(weights).size).toBe(1);
});
