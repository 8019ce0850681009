/** npm run browser: serves the page that trains in the browser. */
import { commandLine, fromCaller, locateData, locateDataset, runCommand, toCaller, UsageError } from '@tessera/cli';
import { firstAvailable } from '@tessera/datasets';
import { servePages } from '@tessera/example-browser';
import { findRun, loadConfig } from '@tessera/train';

const readOptions = () =>
  commandLine('browser')
    .command(
      '$0 [run]',
      'Serves a page that trains a classifier in the browser, and searches pictures with a model of a run.',
    )
    .positional('run', { type: 'string', describe: 'A finished CLIP run, for searching' })
    .options({
      data: {
        type: 'string',
        describe:
          'Data set that the page trains on: a name (mnist, fashion-mnist, emoji) or a folder with class labels [default: mnist, else emoji]',
      },
      port: { type: 'number', default: 4173, describe: 'Port to listen on; 0: any free port' },
    })
    .example('$0', 'train on digits in the browser')
    .example('$0 runs/first', 'and search pictures with a trained model')
    .epilogue(
      'The page is served with headers that allow WebAssembly threads (cross-origin isolation). Ctrl-C stops the server.',
    )
    .parseAsync();

/** The folders of a run and of its data set. */
async function locateRun(path: string): Promise<{ folder: string; data: string }> {
  const run = await findRun(fromCaller(path));
  if (run === null) throw new UsageError(`${path}: is not in the folder of a run: config.yaml is missing`);
  const config = await loadConfig({ base: run.config });
  const [data = config.data.dataset] = [await locateData(config)].flat();
  return { folder: run.path, data };
}

await runCommand(async () => {
  const { run, data, port } = await readOptions();
  const training = await locateDataset(data ?? (await firstAvailable(['mnist', 'emoji'])).name);
  const server = await servePages({ training, run: run === undefined ? null : await locateRun(run), port });
  console.log(
    `trains on ${toCaller(training)}${run === undefined ? '' : `, searches with ${run}`}\n\n  ${server.url}\n\nCtrl-C stops the server`,
  );
  await new Promise((resolve) => process.once('SIGINT', resolve));
  await server.close();
  return undefined;
});
