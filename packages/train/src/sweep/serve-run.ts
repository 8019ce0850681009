/** The child's side of a sweep: trains one run, and stops with a checkpoint if the sweep asks for it or is no longer there. */
import type { FromChild, RunOrder, ToChild } from './messages.ts';
import type { RunEnd, RunProgress } from './run-sweep.ts';

/** Milliseconds between reports of progress. */
const progressInterval = 250;

/**
 * Waits for the order of the process that started this one, trains, and sends back how the run ended. If that process ends, even by a kill,
 * the channel to it is closed, and the run stops at the next step, with a checkpoint. A Ctrl-C in the terminal reaches all processes; it is
 * ignored here, because the sweep passes it on.
 *
 * @param train ends with `stopped` if its signal is aborted. If it throws, the run has failed.
 */
export async function serveRun(
  train: (order: RunOrder, signal: AbortSignal, onProgress: (progress: RunProgress) => void) => Promise<RunEnd>,
): Promise<void> {
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  for (const name of ['SIGTERM', 'SIGHUP']) process.on(name, stop);
  process.on('SIGINT', () => undefined);
  const order = await new Promise<RunOrder | null>((resolve) => {
    process.on('message', (message: ToChild) => {
      if (message.kind === 'train') resolve(message.order);
      else stop();
    });
    const leave = (): void => {
      stop();
      resolve(null);
    };
    process.once('disconnect', leave);
    if (!process.connected) leave();
  });
  if (order === null) return;
  let reported = Number.NEGATIVE_INFINITY;
  const end = await train(order, controller.signal, (progress) => {
    const now = performance.now();
    if (now - reported < progressInterval && progress.step < progress.totalSteps) return;
    reported = now;
    void tell({ kind: 'progress', progress });
  }).catch((error: Error): RunEnd => {
    console.error(error);
    return { kind: 'failed', message: error.message };
  });
  await tell({ kind: 'end', end });
  if (process.connected) process.disconnect();
}

/** Sends a message to the sweep, if it is still there. */
const tell = (message: FromChild): Promise<void> =>
  new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    else process.send(message, undefined, undefined, () => resolve());
  });
