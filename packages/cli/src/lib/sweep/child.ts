/** The process that trains one run of a sweep. Started by `tessera sweep`, which tells it what to train. */
import { trainSweepRun } from '@tessera/train';
import { serveRun } from '@tessera/train/sweep';
import { chooseBackend, runCommand } from '../command.ts';
import { importParentsModules } from '../import-module.ts';

await runCommand(async () => {
  await importParentsModules();
  await serveRun(async (order, signal, onProgress) => {
    const { backend, threads } = order.config.runtime;
    await chooseBackend(backend, threads ?? order.threads);
    return trainSweepRun(order, { signal, onProgress, say: (message) => console.log(message) });
  });
  return undefined;
});
