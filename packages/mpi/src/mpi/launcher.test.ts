/** Which launcher is recognized, and which libraries are tried for it. */
import { expect, it } from 'vitest';
import { launcherOf, whyNotTogether } from './launcher.ts';
import { candidates } from './library.ts';

const library = { abi: 'Open MPI', version: 'Open MPI v4.1.4', path: 'libmpi.so.40' } as const;

it.each([
  ['nobody', {}, null],
  ["Open MPI's mpirun", { OMPI_COMM_WORLD_SIZE: '4', SLURM_STEP_NUM_TASKS: '2' }, 4],
  ["MPICH's mpirun (Hydra)", { PMI_SIZE: '1' }, 1],
  ["SLURM's srun", { SLURM_STEP_NUM_TASKS: '8' }, 8],
  // srun of one program, and a program in the shell of an allocation.
  ['nobody', { SLURM_STEP_NUM_TASKS: '1' }, null],
  ['nobody', { SLURM_NTASKS: '8' }, null],
])('recognizes %s by %o', (name, environment, ranks) => {
  const launcher = launcherOf(environment);
  expect(launcher?.name ?? 'nobody').toBe(name);
  expect(launcher?.ranks ?? null).toBe(ranks);
});

it("tries the launcher's own library before others, and TESSERA_MPI alone", () => {
  const all = ['libmpi.so.40', 'libmpi.so.12', 'libmpich.so.12', 'libmpi_abi.so.1'];
  expect(candidates(null, {}, 'linux')).toEqual(all);
  expect(candidates(launcherOf({ OMPI_COMM_WORLD_SIZE: '2' }), {}, 'linux')).toEqual(all);
  expect(candidates(launcherOf({ PMI_SIZE: '2' }), {}, 'linux')).toEqual([...all.slice(1), 'libmpi.so.40']);
  expect(candidates(null, { TESSERA_MPI: '/opt/libmpi.so' }, 'linux')).toEqual(['/opt/libmpi.so']);
  expect(() => candidates(null, {}, 'win32')).toThrow(
    'MPI is not supported on win32. Ranks can be worker threads there',
  );
});

it('says what to do if the library sees other ranks than were started', () => {
  expect(whyNotTogether(null, library, 1)).toBeNull();
  const slurm = launcherOf({ SLURM_STEP_NUM_TASKS: '8' });
  expect(whyNotTogether(slurm, library, 8)).toBeNull();
  expect(whyNotTogether(slurm, library, 1)).toMatch(
    /^SLURM's srun started 8 ranks \(SLURM_STEP_NUM_TASKS\), but the library libmpi.so.40 \(Open MPI v4.1.4\) sees 1\. .*"srun --mpi=pmix"/,
  );
});
