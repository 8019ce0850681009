/** The program that the tests start as ranks: it runs the cases, or goes wrong as asked by TESSERA_TEST_MODE or the thread's data. */
import { parentPort } from 'node:worker_threads';
import type { Communicator } from '@tessera/tensor/backend';
import { openCommunicator, threadRank } from '../index.ts';
import { cases, checkLibraryOrder } from './cases.ts';

const sleepForEver = (): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
};

const sum = (communicator: Communicator): void => communicator.allReduce(new Float32Array(5), new Float32Array(5));

/** What the ranks do. Rank 1 is the one with whom something is wrong. */
const modes = {
  cases: (communicator) => {
    for (const { name, run } of cases)
      try {
        run(communicator);
      } catch (error) {
        throw new Error(`${name}: rank ${communicator.rank} of ${communicator.ranks}: ${(error as Error).message}`);
      }
  },
  'library order': checkLibraryOrder,
  throws: (communicator) => {
    if (communicator.rank === 1) throw new Error('the loader found no images');
    sum(communicator);
  },
  dies: (communicator) => {
    if (communicator.rank === 1) {
      if (threadRank() === null) process.kill(process.pid, 'SIGKILL');
      else process.exit(3);
    }
    sum(communicator);
  },
  hangs: (communicator) => {
    if (communicator.rank === 1) sleepForEver();
    sum(communicator);
  },
  aborts: (communicator) => {
    if (communicator.rank === 1) communicator.abort('no space left for checkpoints');
    sum(communicator);
  },
  'ends early': (communicator) => {
    if (communicator.rank === 1) process.exit(0);
    sum(communicator);
  },
  'calls something else': (communicator) => {
    if (communicator.rank === 1) communicator.allGather(new Float32Array(5), new Float32Array(5 * communicator.ranks));
    sum(communicator);
  },
  'has another program': () => {},
} satisfies Record<string, (communicator: Communicator) => void>;

export type Mode = keyof typeof modes;

const mode = (threadRank()?.data ?? process.env.TESSERA_TEST_MODE) as Mode;
const rank = threadRank()?.rank ?? Number(process.env.OMPI_COMM_WORLD_RANK ?? process.env.PMI_RANK ?? 0);
const communicator = await openCommunicator({
  plan: mode === 'has another program' && rank === 1 ? 'lr 0.1' : 'lr 0.2',
  ...(mode === 'library order' ? { order: 'library' } : {}),
});
communicator.barrier();
modes[mode](communicator);
communicator.close();
const result = `${communicator.ranks} ranks: ${mode} done on ${communicator.name}`;
if (parentPort !== null) parentPort.postMessage(result);
else if (communicator.rank === 0) console.log(result);
