/**
 * The process of a run in the sweep of `sweep-parent.ts`. Runs whose learning rate is 13 end their process with a kill after the second step.
 */
import { disposeBackends } from '@tessera/tensor';
import { serveRun } from '../sweep/index.ts';
import { trainSweepRun } from '../train-sweep-run.ts';
import { useTestBackend } from './backend.ts';

await serveRun(async (order, signal, onProgress) => {
  useTestBackend();
  console.log(`training to ${order.epochs} epochs`);
  return trainSweepRun(order, {
    signal,
    say: (message) => console.log(message),
    onProgress(progress) {
      onProgress(progress);
      if (order.config.optimizer.lr === 13 && progress.step === 2) process.kill(process.pid, 'SIGKILL');
    },
  });
});
await disposeBackends();
