/** tessera init: makes a project for training on one's own images. */
import { join } from 'node:path';
import { fromCaller, isSource, toCaller } from '../lib/call.ts';
import { commandLine } from '../lib/command.ts';
import { writeProject } from '../lib/init/project.ts';
import { projectTasks } from '../lib/init/task.ts';

const readOptions = (args: readonly string[]) =>
  commandLine('init', args)
    .command(
      '$0 <folder>',
      'Makes a project: settings, a model and a training program in TypeScript, and a place for images.',
    )
    .positional('folder', {
      type: 'string',
      demandOption: true,
      describe: 'An empty folder, or one that is made; . is the current one',
    })
    .options({
      task: {
        choices: projectTasks,
        default: 'contrastive' as const,
        describe:
          'contrastive: CLIP on images with captions; classify: a classifier of images in one folder for each class',
      },
      example: { type: 'boolean', default: false, describe: 'Draw 300 images to try it with' },
      force: { type: 'boolean', default: false, describe: 'Also into a folder with other files; none is overwritten' },
    })
    .example('$0 my-clip --example', 'a project with 300 drawings and their captions')
    .example('$0 my-classes --task classify', 'a project for images in class folders')
    .parseAsync();

/** @param args what follows the name of the command */
export async function main(args: readonly string[]): Promise<undefined> {
  const { folder, task, example, force } = await readOptions(args);
  const path = fromCaller(folder);
  const { files, images } = await writeProject(path, { task, example, force });
  const shown = toCaller(path);
  for (const file of files) console.log(`wrote ${join(shown, file)}`);
  if (images > 0) console.log(`drew ${images} images in ${join(shown, 'data/images')}`);
  const steps = [
    ...(shown === process.cwd() ? [] : [`cd ${shown}`]),
    ...(isSource ? [] : ['npm install']),
    ...(images > 0 ? [] : [`# put your images into data/images: data/README.md says how`]),
    'npx tessera train',
  ];
  console.log(`\nnext:\n${steps.map((step) => `  ${step}`).join('\n')}`);
}
