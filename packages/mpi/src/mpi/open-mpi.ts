/** Starts MPI in this process. */
import { writeSync } from 'node:fs';
import type { Communicator } from '@tessera/tensor/backend';
import { type SumOrder, TransportCommunicator } from '../collectives.ts';
import { CommunicationError } from '../errors.ts';
import { timeLimit } from '../transport.ts';
import { endAll } from './end-all.ts';
import { launcherOf, whyNotTogether } from './launcher.ts';
import { loadMpi } from './library.ts';
import { MpiTransport } from './transport.ts';

export interface MpiOptions {
  /** The time limit of a collective. Default: the environment's TESSERA_COLLECTIVE_SECONDS, or 600. */
  readonly timeoutSeconds?: number;
  /** The order in which values are summed. Default: `auto`. */
  readonly order?: SumOrder;
}

let opened: Communicator | null = null;

/**
 * The communicator of all processes that mpirun or srun started. MPI can be started once in a process: later calls return the same one. A
 * process that ends with an error ends all ranks. Throws CommunicationError if there is no library, or if it does not belong to the launcher.
 */
export async function openMpi(options: MpiOptions = {}): Promise<Communicator> {
  if (opened !== null) return opened;
  const seconds = timeLimit(options.timeoutSeconds);
  const launcher = launcherOf(process.env);
  const library = await loadMpi(launcher);
  const { mpi, abi, version, path } = library;
  const flag: [number] = [0];
  mpi.initialized(flag);
  if (flag[0] !== 0) throw new CommunicationError(`${path} was started already in this process, by somebody else`);
  if (mpi.initThread(null, null, abi.funneled, [0]) !== 0)
    throw new CommunicationError(`${version} (${path}) could not be started: see what it printed`);
  const [rank, ranks]: [[number], [number]] = [[0], [1]];
  mpi.commRank(abi.world, rank);
  mpi.commSize(abi.world, ranks);
  const problem = whyNotTogether(launcher, { abi: abi.name, version, path }, ranks[0]);
  if (problem !== null) {
    mpi.finalize();
    throw new CommunicationError(problem);
  }
  const transport = new MpiTransport(library, rank[0], ranks[0], seconds);
  const communicator = new TransportCommunicator(transport, options.order);
  // Node prints the error after the event 'exit', in which this process ends.
  process.on('uncaughtExceptionMonitor', (error) => {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    writeSync(2, `tessera: rank ${communicator.rank} of ${communicator.ranks} failed: ${reason}\n`);
  });
  process.on('exit', (code) => {
    if (communicator.state === 'closed') return;
    // Others would wait for this rank for ever.
    if (code !== 0 || communicator.state === 'failed') endAll(library, null, code || 1);
    try {
      communicator.close();
    } catch (error) {
      communicator.abort((error as Error).message);
    }
  });
  opened = communicator;
  return communicator;
}
