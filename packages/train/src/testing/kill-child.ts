/**
 * A process that trains a tiny model, for tests that kill it: starts the run, or continues it from its last checkpoint, and writes a line
 * for each event.
 *
 *     node kill-child.ts ROOT NAME [SETTING...]
 */
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { disposeBackends } from '@tessera/tensor';
import { readCheckpoint } from '../loop/checkpoint.ts';
import { RunFolder } from '../run-folder/run-folder.ts';
import { trainModel } from '../train-model.ts';
import { useTestBackend } from './backend.ts';
import { tinyConfig } from './tiny-run.ts';

const [root = '', name = '', ...set] = process.argv.slice(2);
const say = (event: string): void => {
  writeSync(1, `${event}\n`);
};

useTestBackend();
const folder = new RunFolder(join(root, name));
const checkpoint = await folder.latestCheckpoint();
say('begin');
await trainModel({
  config: await tinyConfig(...set),
  dataset: join(root, 'data'),
  folder,
  resume: checkpoint === null ? null : await readCheckpoint(checkpoint),
  restart: true,
  listener: {
    onStep: ({ step }) => say(`step ${step}`),
    onCheckpoint: (_, step) => say(`checkpoint ${step}`),
    onEvaluation: (step) => say(`evaluation ${step}`),
  },
});
say('end');
await disposeBackends();
