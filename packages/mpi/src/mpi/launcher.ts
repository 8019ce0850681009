/** Who started this process as a rank, by the environment, and whether the library agrees. */
import type { AbiName } from './abi.ts';

export interface Launcher {
  readonly name: string;
  /** The library that the launcher belongs to; null where it starts ranks of several. */
  readonly kind: AbiName | null;
  readonly ranks: number;
  /** The variable that tells the number of ranks. */
  readonly variable: string;
}

/** In this order: a launcher may have started another one. */
const launchers: readonly Omit<Launcher, 'ranks'>[] = [
  { name: "Open MPI's mpirun", kind: 'Open MPI', variable: 'OMPI_COMM_WORLD_SIZE' },
  { name: "MPICH's mpirun (Hydra)", kind: 'MPICH', variable: 'PMI_SIZE' },
  { name: "SLURM's srun", kind: null, variable: 'SLURM_STEP_NUM_TASKS' },
];

/** The launcher that started this process, or null if it was started by itself. */
export function launcherOf(environment: NodeJS.ProcessEnv): Launcher | null {
  for (const launcher of launchers) {
    const ranks = Number(environment[launcher.variable]);
    // srun starts single programs as well.
    if (ranks > 1 || (ranks === 1 && launcher.kind !== null)) return { ...launcher, ranks };
  }
  return null;
}

/** What to do about a launcher and a library of different kinds. */
function advice(launcher: Launcher, abi: AbiName): string {
  const other = launchers.find(({ kind }) => kind === abi)?.name ?? "the library's own mpirun";
  if (launcher.kind === null)
    return `Start it with "srun --mpi=pmix" or "srun --mpi=pmi2" as the library was built (srun --mpi=list), or with ${other}.`;
  return `Start it with ${other}, or set TESSERA_MPI to the path of the library that belongs to ${launcher.name}.`;
}

/** Why the ranks that the library sees are not those that were started, and what to do; null if they are. */
export function whyNotTogether(
  launcher: Launcher | null,
  library: { readonly abi: AbiName; readonly version: string; readonly path: string },
  ranks: number,
): string | null {
  if (launcher === null || launcher.ranks === ranks) return null;
  return (
    `${launcher.name} started ${launcher.ranks} ranks (${launcher.variable}), but the library ${library.path} (${library.version}) sees ${ranks}. ` +
    `The launcher and the library are of different kinds, and each process would believe to be alone. ${advice(launcher, library.abi)}`
  );
}
