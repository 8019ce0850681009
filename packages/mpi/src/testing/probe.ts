/** Prints which MPI library a process would load: its path and the kind of its interface. A process of its own, as no two are loaded in one. */
import { launcherOf } from '../mpi/launcher.ts';
import { loadMpi } from '../mpi/library.ts';

const { path, abi } = await loadMpi(launcherOf(process.env));
console.log(JSON.stringify({ path, kind: abi.name }));
