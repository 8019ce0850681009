/** tessera serve: a trained model over HTTP. */
import { randomBytes } from 'node:crypto';
import { promises as fs } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { openDataset } from '@tessera/data';
import { isLoopback } from '@tessera/http';
import { openIndex } from '@tessera/serve';
import { defaultLimits, type Limits, type SearchedImages, serveModel } from '@tessera/serve/server';
import { findRun } from '@tessera/train';
import { callOf, fromCaller, toCaller } from '../lib/call.ts';
import {
  backendOption,
  checkpointOption,
  chooseBackend,
  commandLine,
  onInterrupt,
  UsageError,
} from '../lib/command.ts';
import { locateDataset } from '../lib/datasets.ts';
import { bringUpToDate, indexFolder } from '../lib/image-index.ts';
import { type LoadedModel, loadModel } from '../lib/load-model.ts';

const readOptions = (args: readonly string[]) =>
  commandLine('serve', args)
    .command(
      '$0 <run>',
      'Serves a trained model over HTTP: embeddings, classes, answers about images, search. The page at its address shows what the model can do.',
    )
    .positional('run', {
      type: 'string',
      demandOption: true,
      describe: "A run's folder, one of its checkpoints, or CLIP weights from outside of a run",
    })
    .options({
      images: { type: 'string', describe: 'Images to search in: anything that --data of train reads' },
      index: { type: 'string', describe: `An index that ${callOf('search')} has written, as it is` },
      port: { type: 'number', describe: 'Port to listen on; 0: any free port [default: 8000, or any if it is in use]' },
      host: {
        type: 'string',
        default: '127.0.0.1',
        describe: 'Address to listen on; 0.0.0.0: other machines can use the model with the printed token',
      },
      token: { type: 'string', describe: 'Token to ask for [default: none on this machine, else a random one]' },
      'allow-host': {
        type: 'string',
        array: true,
        default: [],
        describe: 'Another name that the server is called by, as behind a proxy',
      },
      cors: {
        type: 'string',
        array: true,
        default: [],
        describe: 'An origin whose pages may use the model, such as https://example.org; may be repeated',
      },
      'batch-size': {
        type: 'number',
        default: 32,
        describe: 'The largest number of images or texts that are computed together',
      },
      'max-body': { type: 'number', default: 32, describe: 'Largest body of a request, in MiB' },
      'max-images': { type: 'number', default: defaultLimits.images, describe: 'Most images in a request' },
      'max-pixels': { type: 'number', default: 50, describe: 'Most pixels of an image file, in millions' },
      'max-texts': {
        type: 'number',
        default: defaultLimits.texts,
        describe: 'Most texts in a request, or classes times templates',
      },
      'max-text-length': { type: 'number', default: defaultLimits.textLength, describe: 'Most characters of a text' },
      'max-requests': {
        type: 'number',
        default: defaultLimits.requests,
        describe: 'Most requests that wait or are computed at the same time',
      },
      timeout: { type: 'number', default: defaultLimits.seconds, describe: 'Most seconds for a request' },
      checkpoint: checkpointOption,
      backend: { ...backendOption, default: 'auto' },
      threads: { type: 'number', describe: 'Threads of the wasm backend [default: all cores]' },
    })
    .check(({ port, token, cors, timeout, index, images, maxBody, maxPixels, ...counts }) => {
      if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port < 65_536))
        throw new UsageError(`--port is ${port}, expected a whole number from 0 to 65535`);
      if (token !== undefined && !/^[\w-]{8,}$/.test(token))
        throw new UsageError('--token needs at least 8 letters, digits, hyphens or underscores');
      for (const origin of cors)
        if (origin !== '*' && (!URL.canParse(origin) || new URL(origin).origin !== origin))
          throw new UsageError(`--cors ${origin}: expected an origin, such as https://example.org, or *`);
      for (const [name, value] of Object.entries({ timeout, 'max-body': maxBody, 'max-pixels': maxPixels }))
        if (!(Number(value) > 0)) throw new UsageError(`--${name} is ${value}, expected a number above 0`);
      for (const name of ['batch-size', 'max-images', 'max-texts', 'max-text-length', 'max-requests'] as const)
        if (!(Number.isInteger(counts[name]) && (counts[name] as number) >= 1))
          throw new UsageError(`--${name} is ${counts[name]}, expected a whole number from 1 on`);
      if (index !== undefined && images !== undefined) throw new UsageError('pass either --index or --images');
      return true;
    })
    .example('$0 runs/first', 'http://127.0.0.1:8000/ has a page, and examples for curl')
    .example('$0 runs/first --images photos', 'with search in photos/')
    .example('$0 runs/first --host 0.0.0.0', 'for other machines, too; the connection is not encrypted')
    .epilogue('Ctrl-C stops the server when all running requests are answered.')
    .parseAsync();

const defaultPort = 8000;

type Options = Awaited<ReturnType<typeof readOptions>>;

const limitsOf = (options: Options): Limits => ({
  ...defaultLimits,
  bodyBytes: Math.round(options.maxBody * 2 ** 20),
  images: options.maxImages,
  pixels: Math.round(options.maxPixels * 1e6),
  texts: options.maxTexts,
  textLength: options.maxTextLength,
  requests: options.maxRequests,
  seconds: options.timeout,
});

/** The images to search in, as the options say; null: none. */
async function searchedImages(
  model: LoadedModel,
  path: string,
  { images, index: stored }: Options,
): Promise<SearchedImages | null> {
  if (images !== undefined) {
    const dataset = await locateDataset(images);
    const out = join((await findRun(path))?.path ?? dirname(path), 'search');
    await fs.mkdir(out, { recursive: true });
    const { index } = await bringUpToDate(model, dataset, indexFolder(out, dataset));
    return { name: basename(dataset), index, dataset: await openDataset(dataset) };
  }
  if (stored === undefined) return null;
  const index = await openIndex(model, fromCaller(stored));
  return { name: basename(index.dataset), index, dataset: await openDataset(index.dataset) };
}

export async function main(args: readonly string[]): Promise<undefined> {
  const options = await readOptions(args);
  const { host, port, token, allowHost, cors, batchSize } = options;
  const path = fromCaller(options.run as string);
  // From here on, so that a signal while the model is loaded is not lost.
  const interruption = onInterrupt();
  await chooseBackend(options.backend, options.threads ?? null);
  using model = await loadModel(path, [], options.checkpoint ?? null);
  if (model.subject.image === undefined && model.subject.text === undefined && 'reason' in model.subject.predictor)
    throw new UsageError(`a run of the task ${model.task.name} has nothing to serve: no embeddings and no answers`);
  const search = await searchedImages(model, path, options);
  const server = await serveModel({
    ...{ model, name: basename(path), search, host, cors, batchSize },
    port: port ?? defaultPort,
    anyPort: port === undefined,
    token: token ?? (isLoopback(host) ? null : randomBytes(16).toString('hex')),
    hosts: allowHost,
    limits: limitsOf(options),
    onError: (error) => console.error(error),
  });
  console.log(`${model.task.title} of ${toCaller(path)}\n\n  ${server.url}\n\nCtrl-C stops it`);
  if (!interruption.signal.aborted)
    await new Promise((resolve) => interruption.signal.addEventListener('abort', resolve));
  console.error('ends when running requests are answered; a second Ctrl-C ends at once');
  await server.close();
  search?.dataset.close();
  return undefined;
}
