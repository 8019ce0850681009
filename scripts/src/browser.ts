/** npm run browser: serves the page that trains in the browser. */

import { firstAvailable } from '@tessera/datasets';
import { servePages } from '@tessera/example-browser';
import { findRun, loadConfig } from '@tessera/train';
import { commandLine, fromCaller, runCommand, toCaller, UsageError } from './lib/command.ts';
import { locateDataset } from './lib/datasets.ts';

const readOptions = () =>
  commandLine('browser')
    .command(
      '$0 [run]',
      'Serves a page that trains a classifier live, and searches pictures with a model that Node trained.',
    )
    .positional('run', { type: 'string', describe: 'A finished run of CLIP, to search with' })
    .options({
      data: {
        type: 'string',
        describe:
          'What the page trains on: a name (mnist, fashion-mnist, emoji) or a folder with class labels [default: mnist, else emoji]',
      },
      port: { type: 'number', default: 4173, describe: 'Port to listen on; 0: any that is free' },
    })
    .example('$0', 'train on digits in the browser')
    .example('$0 runs/first', 'and search pictures with a trained model')
    .epilogue(
      'The page is served with the headers that give WebAssembly threads (cross-origin isolation). Ctrl-C ends it.',
    )
    .parseAsync();

/** The run's folder and that of its data. */
async function locateRun(path: string): Promise<{ folder: string; data: string }> {
  const run = await findRun(fromCaller(path));
  if (run === null) throw new UsageError(`${path}: is not in the folder of a run: there is no config.yaml`);
  const config = await loadConfig({ base: run.config });
  return { folder: run.path, data: await locateDataset(config.data.dataset) };
}

await runCommand(async () => {
  const { run, data, port } = await readOptions();
  const training = await locateDataset(data ?? (await firstAvailable(['mnist', 'emoji'])).name);
  const server = await servePages({ training, run: run === undefined ? null : await locateRun(run), port });
  console.log(
    `trains on ${toCaller(training)}${run === undefined ? '' : `, searches with ${run}`}\n\n  ${server.url}\n\nCtrl-C ends it`,
  );
  await new Promise((resolve) => process.once('SIGINT', resolve));
  await server.close();
  return undefined;
});
