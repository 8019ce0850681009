/** The communicator of this process or thread, by who started it. */
import type { Communicator } from '@tessera/tensor/backend';
import { launcherOf } from '../mpi/launcher.ts';
import { type MpiOptions, openMpi } from '../mpi/open-mpi.ts';
import { selfCommunicator } from '../self.ts';
import { threadRank } from '../threads/run-threads.ts';
import { joinThreads } from '../threads/transport.ts';
import { checkStart } from './check-start.ts';

export interface CommunicatorOptions extends MpiOptions {
  /** Text that describes the program with its settings: it must be equal on all ranks. Default: the arguments of the command line. */
  readonly plan?: string;
}

/**
 * The communicator of this rank: of a thread that `runThreads` started, of a process that mpirun or srun started, or otherwise of a program
 * that runs alone. Unlike ranks are refused (`checkStart`). Throws CommunicationError.
 */
export async function openCommunicator(options: CommunicatorOptions = {}): Promise<Communicator> {
  const thread = threadRank();
  let communicator: Communicator;
  if (thread !== null) communicator = joinThreads(thread.group, thread.rank, options.order);
  else if (launcherOf(process.env) !== null) communicator = await openMpi(options);
  else communicator = selfCommunicator();
  checkStart(communicator, options.plan ?? process.argv.slice(2).join('\0'));
  return communicator;
}
