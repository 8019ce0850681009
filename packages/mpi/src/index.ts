/** Communication between the ranks of a distributed program: MPI, worker threads, or one rank alone, behind one interface. */
export type { Communicator, ExchangedArray, Reduction } from '@tessera/tensor/backend';
export type { SumOrder } from './collectives.ts';
export { CommunicationError } from './errors.ts';
export { type MpiOptions, openMpi } from './mpi/open-mpi.ts';
export { selfCommunicator } from './self.ts';
export { checkStart } from './start/check-start.ts';
export { type Fingerprint, fingerprint } from './start/fingerprint.ts';
export { type CommunicatorOptions, openCommunicator } from './start/open-communicator.ts';
export { createThreadGroup, type ThreadGroup } from './threads/group.ts';
export { type RunThreadsOptions, runThreads, threadRank } from './threads/run-threads.ts';
export { joinThreads } from './threads/transport.ts';
