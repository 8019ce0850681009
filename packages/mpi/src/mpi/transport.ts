/** Ranks that are processes under MPI: elements go from the memory where they lie to that of the other rank. */
import type { ExchangedArray } from '@tessera/tensor/backend';
import { dtypeOf } from '../checks.ts';
import { abortedBy, CommunicationError, differentCalls, missingRanks } from '../errors.ts';
import type { Transport } from '../transport.ts';
import type { Handle } from './abi.ts';
import { endAll } from './end-all.ts';
import type { MpiLibrary } from './library.ts';
import { RollCall } from './roll-call.ts';
import { Waiting } from './waiting.ts';

/** Of a description of a call, where ranks differ. */
const textBytes = 256;

/** MPI counts elements in signed 32-bit integers. */
const mostElements = 2 ** 31 - 1;

const hash = (text: string): number => {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h & 0x7fffffff;
};

export class MpiTransport implements Transport {
  readonly name: string;
  readonly rank: number;
  readonly ranks: number;
  readonly sums: Transport['sums'];
  readonly #library: MpiLibrary;
  readonly #comm: Handle;
  readonly #seconds: number;
  readonly #waiting: Waiting;
  readonly #rollCall: RollCall;
  /** Sent and received when arriving. MPI reads and writes it while JavaScript runs, so it must not be moved: shared memory never is. */
  readonly #arrival = new Int32Array(new SharedArrayBuffer(64));
  /** What MPI reads and writes at the moment, so that it is not collected. */
  readonly #inFlight: ExchangedArray[] = [];
  /** The call that this rank has made last. */
  #call = '';

  /** `library` was started. Throws CommunicationError if it cannot make communicators of its own. */
  constructor(library: MpiLibrary, rank: number, ranks: number, seconds: number) {
    const { mpi, abi } = library;
    this.name = `${library.version} (${library.path})`;
    this.rank = rank;
    this.ranks = ranks;
    this.#library = library;
    this.#seconds = seconds;
    this.#waiting = new Waiting(library.yieldCore);
    const copy = (): Handle => {
      const made: [Handle] = [0];
      this.#check('MPI_Comm_dup', mpi.commDup(abi.world, made));
      // Otherwise the library ends the process, and nobody learns why.
      this.#check('MPI_Comm_set_errhandler', mpi.setErrorHandler(made[0], abi.errorsReturn));
      return made[0];
    };
    this.#comm = copy();
    this.#rollCall = new RollCall(library, copy(), rank, ranks);
    this.sums = {
      allReduce: (source, out) => {
        const from = source.byteOffset === out.byteOffset && source.buffer === out.buffer ? abi.inPlace : source;
        const [count, type] = this.#elements(source);
        this.#move('MPI_Iallreduce', source, out, (request) =>
          mpi.iAllReduce(from, out, count, type, abi.sum, this.#comm, request),
        );
      },
      reduceScatter: (source, out) => {
        const [count, type] = this.#elements(out);
        this.#move('MPI_Ireduce_scatter_block', source, out, (request) =>
          mpi.iReduceScatter(source, out, count, type, abi.sum, this.#comm, request),
        );
      },
    };
  }

  arrive(call: string): void {
    const { mpi, abi } = this.#library;
    this.#call = call;
    this.#rollCall.next();
    const value = hash(call);
    // The largest and the smallest hash, as one maximum. All ranks have the same call if both are equal.
    this.#arrival.set([value, ~value, 0, 0]);
    const [from, to] = [this.#arrival.subarray(0, 2), this.#arrival.subarray(2, 4)];
    const request: [Handle] = [0];
    this.#check('MPI_Iallreduce', mpi.iAllReduce(from, to, 2, abi.types.i32, abi.max, this.#comm, request));
    this.#finish('MPI_Iallreduce', request, 'arrive');
    if (to[0] !== ~(to[1] as number)) throw this.#differentCalls();
  }

  gather(source: ExchangedArray, out: ExchangedArray): void {
    const [count, type] = this.#elements(source);
    this.#move('MPI_Iallgather', source, out, (request) =>
      this.#library.mpi.iAllGather(source, count, type, out, count, type, this.#comm, request),
    );
  }

  exchange(source: ExchangedArray, out: ExchangedArray): void {
    const [all, type] = this.#elements(source);
    const count = all / this.ranks;
    this.#move('MPI_Ialltoall', source, out, (request) =>
      this.#library.mpi.iAllToAll(source, count, type, out, count, type, this.#comm, request),
    );
  }

  broadcast(data: ExchangedArray, root: number): void {
    const [count, type] = this.#elements(data);
    this.#move('MPI_Ibcast', data, data, (request) =>
      this.#library.mpi.iBroadcast(data, count, type, root, this.#comm, request),
    );
  }

  abort(message: string): never {
    endAll(this.#library, abortedBy(this.rank, message).message, 1);
  }

  close(): void {
    this.#check('MPI_Finalize', this.#library.mpi.finalize());
  }

  /** Starts an operation, and waits until it has ended. */
  #move(what: string, source: ExchangedArray, out: ExchangedArray, start: (request: [Handle]) => number): void {
    const request: [Handle] = [0];
    this.#inFlight.push(source, out);
    this.#check(what, start(request));
    this.#finish(what, request, 'end');
    this.#inFlight.length = 0;
  }

  /** Waits until a request has ended. Throws CommunicationError, with the ranks that are missing, if that takes too long. */
  #finish(what: string, request: [Handle], until: 'arrive' | 'end'): void {
    const flag: [number] = [0];
    const done = (): boolean => {
      this.#check(what, this.#library.mpi.test(request, flag, this.#rollCall.status));
      return flag[0] !== 0;
    };
    // Elements only move while MPI is called: pauses are for waiting alone.
    const pauses = until === 'arrive';
    if (this.#waiting.until(done, this.#seconds, pauses, () => this.#rollCall.answer())) return;
    const missing = this.#rollCall.missing(this.#waiting);
    // They may have come while the question was asked.
    if (!done()) throw missingRanks(this.#call, missing, this.#seconds, until);
  }

  #differentCalls(): CommunicationError {
    const own = new Uint8Array(textBytes);
    new TextEncoder().encodeInto(this.#call, own);
    const all = new Uint8Array(textBytes * this.ranks);
    this.gather(own, all);
    const texts = Array.from({ length: this.ranks }, (_, r) => all.subarray(r * textBytes, (r + 1) * textBytes));
    return differentCalls(texts.map((text) => new TextDecoder().decode(text).replace(/\0+$/, '')));
  }

  /** How many elements, and of which type. */
  #elements(array: ExchangedArray): [count: number, type: Handle] {
    const dtype = dtypeOf(this.name, array);
    if (array.length > mostElements)
      throw new RangeError(
        `MPI moves at most ${mostElements} elements at a time, got ${array.length} of ${dtype}: split them, or use a wider dtype`,
      );
    return [array.length, this.#library.abi.types[dtype]];
  }

  #check(what: string, code: number): void {
    if (code === 0) return;
    const text = new Uint8Array(1024);
    const length: [number] = [0];
    this.#library.mpi.errorString(code, text, length);
    const reason = new TextDecoder().decode(text.subarray(0, length[0]));
    throw new CommunicationError(`${what}: MPI error ${code} (${reason}) on rank ${this.rank}`);
  }
}
