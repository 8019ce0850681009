/**
 * Which ranks wait in a collective and which do not, when one takes too long. A rank whose time is over asks all others; those that wait
 * answer with the number of the collective in which they wait. Those that do not answer are missing.
 */
import type { Handle } from './abi.ts';
import type { MpiLibrary } from './library.ts';
import type { Waiting } from './waiting.ts';

const question = 1;
const answer = 2;

/** How long answers may take. A rank that waits asks for questions every millisecond. */
const answerSeconds = 2;

export class RollCall {
  /** Where MPI may write a status, which nobody reads. */
  readonly status = new Uint8Array(new SharedArrayBuffer(128));
  readonly #library: MpiLibrary;
  /** Apart from the collectives. */
  readonly #comm: Handle;
  readonly #rank: number;
  readonly #ranks: number;
  /** The number of the collective in which this rank is. */
  #number = 0;
  /** Messages that were sent: MPI may still read them. */
  readonly #sent: Int32Array[] = [];

  constructor(library: MpiLibrary, comm: Handle, rank: number, ranks: number) {
    this.#library = library;
    this.#comm = comm;
    this.#rank = rank;
    this.#ranks = ranks;
  }

  /** This rank goes to its next collective. */
  next(): void {
    this.#number = (this.#number + 1) | 0;
  }

  /** Answers those who ask. */
  answer(): void {
    for (let asked = this.#receive(question); asked !== null; asked = this.#receive(question))
      this.#send(asked.rank, answer);
  }

  /** Asks all ranks; returns those that do not wait in this collective. */
  missing(waiting: Waiting): number[] {
    const missing = new Set(Array.from({ length: this.#ranks }, (_, rank) => rank));
    missing.delete(this.#rank);
    for (const rank of missing) this.#send(rank, question);
    const listen = (): boolean => {
      this.answer();
      for (let message = this.#receive(answer); message !== null; message = this.#receive(answer))
        if (message.number === this.#number) missing.delete(message.rank);
      return missing.size === 0;
    };
    waiting.until(listen, answerSeconds, true, () => {});
    return [...missing];
  }

  #send(to: number, tag: number): void {
    const { mpi, abi } = this.#library;
    const message = new Int32Array(new SharedArrayBuffer(8));
    message.set([this.#rank, this.#number]);
    this.#sent.push(message);
    // Never waited for: the receiver may not exist any more. Errors are no concern, as this already tells of one.
    mpi.iSend(message, 2, abi.types.i32, to, tag, this.#comm, [0]);
  }

  #receive(tag: number): { rank: number; number: number } | null {
    const { mpi, abi } = this.#library;
    const flag: [number] = [0];
    if (mpi.iProbe(abi.anySource, tag, this.#comm, flag, this.status) !== 0 || flag[0] === 0) return null;
    const message = new Int32Array(new SharedArrayBuffer(8));
    if (mpi.receive(message, 2, abi.types.i32, abi.anySource, tag, this.#comm, this.status) !== 0) return null;
    return { rank: message[0] as number, number: message[1] as number };
  }
}
