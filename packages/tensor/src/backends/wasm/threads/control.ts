/**
 * The control block: a few 32-bit words at the start of the shared memory, through which threads meet. The JavaScript side and the
 * generated code use the same addresses. Words that different threads write stand on cache lines of their own.
 */

/** Most threads that a backend can have. */
export const maximumThreads = 256;

const lineBytes = 64;
const line = (index: number): number => 1024 + index * lineBytes;

/** Byte addresses. */
export const control = {
  /** The job: number of the program to run (its module was posted before), and what it is called with. */
  program: line(0),
  table: line(0) + 8,
  threads: line(0) + 12,
  scratch: line(0) + 16,
  scratchBytes: line(0) + 20,
  /** Whether the last thread to finish posts a message. */
  posts: line(0) + 24,
  /** Number of the job. */
  serial: line(0) + 28,

  /** Counts threads that have finished the job. */
  finished: line(1),

  /** A barrier: threads that arrived, rounds so far, threads that sleep. */
  arrived: line(2),
  round: line(3),
  sleeping: line(4),

  /** Not 0 where a thread has failed: the others leave at the next barrier. Its number plus 1; then where, and the length of the message. */
  failed: line(5),
  failedKernel: line(5) + 4,
  failureLength: line(5) + 8,

  /** Workers that are ready. */
  ready: line(6),
  /** Messages that were posted to each worker so far: a worker takes them all before it does a job. */
  messages: line(6) + 4,

  /** The message of a failure, UTF-8. */
  failureText: line(8),
  failureTextBytes: 512,

  /** One line a thread, from here: the number of the kernel that it runs, and a count of its jobs, whose change wakes it. */
  perThread: line(16),
  perThreadBytes: lineBytes,
} as const;

export const currentKernel = (thread: number): number => control.perThread + thread * control.perThreadBytes;
export const jobCount = (thread: number): number => currentKernel(thread) + 4;

/** Where the rest of the memory starts. */
export const controlEnd = control.perThread + maximumThreads * control.perThreadBytes;
