/** One body of tests for every communicator: one rank, worker threads, Open MPI and MPICH, as far as they are installed. */
import { describe, expect, it } from 'vitest';
import { communicators, mpich, openMpi } from './testing/communicators.ts';
import type { Mode } from './testing/program.ts';

/** Of the collective that a rank does not reach. The others reach it within this time on any machine that can run tests. */
const shortSeconds = 3;

/** What goes wrong on rank 1 of 3, and what must be said about it. */
const failures: readonly { mode: Mode; says: RegExp; timeoutSeconds?: number }[] = [
  { mode: 'throws', says: /the loader found no images/ },
  { mode: 'aborts', says: /Rank 1 ended all ranks: no space left for checkpoints/ },
  {
    mode: 'hangs',
    says: /allReduce sum of f32 \[5\]: rank 1 did not arrive within 3 s, the others wait/,
    timeoutSeconds: shortSeconds,
  },
  {
    mode: 'calls something else',
    says: /ranks 0 and 2: allReduce sum of f32 \[5\]; rank 1: allGather of f32 \[5\]/,
  },
  {
    mode: 'has another program',
    says: /different programs: rank 0 \(.*, process \d+\) has [0-9a-f]{16}, rank 1 \(.*\) has [0-9a-f]{16}\. Start all ranks with the same program/,
  },
];

describe.concurrent.each(communicators)('$name', ({ name, missing, ranks, start }) => {
  const test = it.skipIf(missing !== null);
  const why = missing === null ? '' : ` (skipped: ${missing})`;

  test.each(ranks)(`computes and moves everything right on %i ranks${why}`, async (count) => {
    const { ok, text } = await start(count, 'cases');
    expect(text).toContain(`${count} ranks: cases done`);
    expect(ok).toBe(true);
  });

  if (ranks.length === 1) return;

  test(`sums in the library's own order${why}`, async () => {
    const { ok, text } = await start(3, 'library order');
    expect(text).toContain('3 ranks: library order done');
    expect(ok).toBe(true);
  });

  test.each(failures)(`ends all ranks if one $mode${why}`, async ({ mode, says, timeoutSeconds }) => {
    const { ok, text } = await start(3, mode, timeoutSeconds === undefined ? {} : { timeoutSeconds });
    expect(text).toMatch(says);
    expect(ok).toBe(false);
  });

  test(`ends all ranks if one dies${why}`, async () => {
    const { ok, text } = await start(3, 'dies');
    // mpirun says it in words of its own.
    expect(text).toMatch(name === 'worker threads' ? /^rank 1 ended with exit code 3$/ : /signal 9|Killed/i);
    expect(ok).toBe(false);
  });

  test(`ends all ranks if one ends early${why}`, async () => {
    const { ok, text } = await start(3, 'ends early');
    expect(text).toMatch(/rank 1 ended before making this call|rank 1: close/);
    expect(ok).toBe(false);
  });
});

describe('an MPI library that cannot work', () => {
  const missing = openMpi.missing ?? mpich.missing;
  const test = it.skipIf(missing !== null);
  const why = missing === null ? '' : ` (skipped: ${missing})`;

  test(`Open MPI's launcher with MPICH is refused${why}`, async () => {
    const { ok, text } = await openMpi.start(2, 'cases', { library: mpich.library });
    expect(text).toMatch(
      /Open MPI's mpirun started 2 ranks \(OMPI_COMM_WORLD_SIZE\), but the library .* \(MPICH .*\) sees 1\./,
    );
    expect(text).toContain("Start it with MPICH's mpirun");
    expect(ok).toBe(false);
  });

  test(`MPICH's launcher with Open MPI is refused${why}`, async () => {
    const { ok, text } = await mpich.start(2, 'cases', { library: openMpi.library });
    expect(text).toMatch(
      /MPICH's mpirun \(Hydra\) started 2 ranks \(PMI_SIZE\), but the library .* \(Open MPI .*\) sees 1\./,
    );
    expect(ok).toBe(false);
  });

  test(`a missing library is named${why}`, async () => {
    const { ok, text } = await mpich.start(2, 'cases', { library: '/no/such/libmpi.so' });
    expect(text).toMatch(
      /no MPI library could be loaded\. Tried:\s+\/no\/such\/libmpi\.so: .*\s+TESSERA_MPI must be the path/,
    );
    expect(ok).toBe(false);
  });
});
