/** A program of one rank: collectives only copy. */
import type { Communicator } from '@tessera/tensor/backend';
import { TransportCommunicator } from './collectives.ts';
import { abortedBy } from './errors.ts';

const nobody = (): never => {
  throw new Error('unreachable: one rank has nobody to talk to');
};

/** The communicator of a program that runs alone: rank 0 of 1. */
export const selfCommunicator = (): Communicator =>
  new TransportCommunicator({
    name: 'one rank',
    rank: 0,
    ranks: 1,
    arrive: nobody,
    gather: nobody,
    exchange: nobody,
    broadcast: nobody,
    abort: (message) => {
      throw abortedBy(0, message);
    },
    close: () => {},
  });
