/** The table of commands. Each is loaded only when it is called. */
import type { CommandName } from './lib/call.ts';

/** A module of `commands/`. */
interface CommandModule {
  /** @param args what follows the name of the command @returns the exit status, 0 if undefined */
  main(args: readonly string[]): Promise<number | undefined>;
}

interface Command {
  /** One line for the list of commands. */
  readonly summary: string;
  load(): Promise<CommandModule>;
}

export const commands = {
  init: { summary: "makes a project for training on one's own images", load: () => import('./commands/init.ts') },
  train: { summary: 'trains a model, evaluates it and writes a report', load: () => import('./commands/train.ts') },
  sweep: {
    summary: 'trains a model with many settings and seeds, and compares the results',
    load: () => import('./commands/sweep.ts'),
  },
  eval: { summary: 'evaluates a trained model on any dataset', load: () => import('./commands/eval.ts') },
  predict: { summary: 'says what a trained model sees in images', load: () => import('./commands/predict.ts') },
  search: { summary: 'finds images by a text or by another image', load: () => import('./commands/search.ts') },
  serve: { summary: 'serves a trained model over HTTP', load: () => import('./commands/serve.ts') },
  attention: {
    summary: 'draws where a trained model looks in an image',
    load: () => import('./commands/attention.ts'),
  },
  dashboard: {
    summary: 'serves a page that follows and compares runs',
    load: () => import('./commands/dashboard.ts'),
  },
  data: {
    summary: 'looks at datasets, converts them, selects rows, removes duplicates',
    load: () => import('./commands/data.ts'),
  },
  'build-dataset': {
    summary: 'builds a dataset: by name, from a folder of images, or from files of rows',
    load: () => import('./commands/build-dataset.ts'),
  },
  convert: {
    summary: "converts weights between Tessera's, OpenCLIP's, Hugging Face's and others' names and files",
    load: () => import('./commands/convert.ts'),
  },
  split: {
    summary: 'runs one half of a Vision Transformer, connected to the other by an Arrow stream',
    load: () => import('./commands/split.ts'),
  },
  devices: {
    summary: 'lists the backends of this machine, and says why others cannot be used',
    load: () => import('./commands/devices.ts'),
  },
  reference: {
    summary: 'compares layers, models and training runs with stored numbers of another implementation',
    load: () => import('./commands/reference.ts'),
  },
  gradcheck: {
    summary: 'compares gradients of layers and models with central differences',
    load: () => import('./commands/gradcheck.ts'),
  },
} satisfies Record<CommandName, Command>;
