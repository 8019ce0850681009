/**
 * A process that runs a sweep of tiny runs, each in a child process, for tests that kill it. It writes a line for each event.
 *
 *     node sweep-parent.ts FILE DATA FOLDER
 */
import { promises as fs, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { inChildProcesses, parseSweep, planSweep, runSweep } from '../sweep/index.ts';

const [file = '', dataset = '', folder = ''] = process.argv.slice(2);
const say = (event: string): void => {
  writeSync(1, `${event}\n`);
};

const definition = parseSweep(await fs.readFile(file, 'utf8'), file);
const module = fileURLToPath(new URL('./sweep-child.ts', import.meta.url));
const controller = new AbortController();
process.once('SIGINT', () => controller.abort());
const results = await runSweep({
  plan: planSweep({ definition, path: file, name: 'sweep', shared: null }),
  name: 'sweep',
  folder,
  parallel: definition.parallel,
  train: inChildProcesses({ module, execArgv: process.execArgv }, ({ run, epochs }, path) => ({
    ...{ config: run.config, dataset, folder: path, epochs, threads: 1 },
  })),
  signal: controller.signal,
  listener: {
    onProgress: ({ run }, { step }) => say(`step ${step} of ${run.folder}`),
    onEnd: ({ run, epochs }, end) => say(`${end.kind} ${epochs} epochs: ${run.folder}`),
  },
});
say(results.isComplete ? 'complete' : 'interrupted');
