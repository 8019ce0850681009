/**
 * The control block: a few 32-bit words at the start of the shared memory, through which threads communicate. JavaScript and the
 * generated code use the same addresses. Words that are written by different threads are in separate cache lines.
 */

/** The largest number of threads of a backend. */
export const maximumThreads = 256;

const lineBytes = 64;
const line = (index: number): number => 1024 + index * lineBytes;

/** The addresses of the words, in bytes. */
export const control = {
  /** The job: the number of the program to run (its module was posted before), and its arguments. */
  program: line(0),
  table: line(0) + 8,
  threads: line(0) + 12,
  scratch: line(0) + 16,
  scratchBytes: line(0) + 20,
  /** Whether the last thread to finish posts a message. */
  posts: line(0) + 24,
  /** The number of the job. */
  serial: line(0) + 28,

  /** The number of threads that have finished the job. */
  finished: line(1),

  /** The barrier: the number of threads that arrived, of rounds so far, and of threads that sleep. */
  arrived: line(2),
  round: line(3),
  sleeping: line(4),

  /** The number of a thread that has failed, plus 1; 0 if none has. The others leave at the next barrier. */
  failed: line(5),
  /** The kernel that failed. */
  failedKernel: line(5) + 4,
  /** The length of the message, in bytes. */
  failureLength: line(5) + 8,

  /** The number of workers that are ready. */
  ready: line(6),
  /** The number of messages posted to each worker so far: a worker receives all of them before it runs a job. */
  messages: line(6) + 4,

  /** The message of a failure, in UTF-8. */
  failureText: line(8),
  failureTextBytes: 512,

  /** From here, one line for each thread: the number of the kernel that it runs, and the number of its jobs, whose change wakes it. */
  perThread: line(16),
  perThreadBytes: lineBytes,
} as const;

export const currentKernel = (thread: number): number => control.perThread + thread * control.perThreadBytes;
export const jobCount = (thread: number): number => currentKernel(thread) + 4;

/** The first address after the control block. */
export const controlEnd = control.perThread + maximumThreads * control.perThreadBytes;
