/** tessera split: runs one half of a Vision Transformer, connected to the other half by an Arrow stream. */
import {
  BackHalf,
  type Channel,
  FrontHalf,
  type HandOffBatch,
  type HandOffDType,
  handOffDTypes,
  parseChannel,
  readHandOff,
  receive,
  type SplitModel,
  send,
  splitModel,
  UnsplitModel,
  writeHandOff,
} from '@tessera/split';
import { fromCaller, silentCallOf } from '../lib/call.ts';
import { backendOption, chooseBackend, commandLine, exitCodes, onInterrupt, UsageError } from '../lib/command.ts';
import { loadModel } from '../lib/load-model.ts';
import { type ImageBatch, readImages } from '../lib/split/images.ts';
import { formatResults } from '../lib/split/results.ts';

const readOptions = (args: readonly string[]) =>
  commandLine('split', args)
    .command(
      '$0 <half> <run>',
      'Runs half of a Vision Transformer: the front half sends tokens, the back half prints results.',
    )
    .positional('half', {
      choices: ['front', 'back', 'whole'] as const,
      demandOption: true,
      describe: 'front: images to tokens; back: tokens to results; whole: both in one process, for comparison',
    })
    .positional('run', {
      type: 'string',
      demandOption: true,
      describe: 'A run or checkpoint, or a file or folder with the weights of CLIP',
    })
    .options({
      images: { type: 'string', describe: 'Folder of images, or name or folder of a dataset (front, whole)' },
      split: { type: 'string', describe: 'Split of the dataset [default: the first]' },
      limit: { type: 'number', describe: 'Largest number of images' },
      to: {
        type: 'string',
        nargs: 1,
        describe: 'Where the front half sends to: a file, a named pipe, tcp://host:port, or - (stdout)',
      },
      from: {
        type: 'string',
        nargs: 1,
        describe: 'Where the back half reads from: a file, a named pipe, tcp://host:port, or - (stdin)',
      },
      dtype: {
        choices: handOffDTypes,
        default: 'f32' as HandOffDType,
        describe: 'Type of the tokens in the stream; f32 is exact',
      },
      'batch-size': {
        type: 'number',
        default: 32,
        describe: 'Images per batch (front, whole); the back half uses the batch size of the stream',
      },
      'non-finite': {
        choices: ['refuse', 'count'] as const,
        default: 'refuse' as const,
        describe: 'Whether infinite numbers and NaN in the stream are an error of the back half, or only counted',
      },
      wait: { type: 'number', default: 30, describe: 'Connection retry timeout of the front half, in seconds' },
      backend: { ...backendOption, default: 'auto' },
      threads: { type: 'number', describe: 'Threads of the wasm backend [default: all cores]' },
    })
    .example(
      `${silentCallOf('split', 'front runs/first --images pictures --to -')} | ${silentCallOf('split', 'back runs/first --from -')}`,
      'through a pipe',
    )
    .example(
      '$0 back runs/first --from tcp://127.0.0.1:5555',
      'listens at this address; the front half connects with --to',
    )
    .parseAsync();

type Options = Awaited<ReturnType<typeof readOptions>>;

/** @throws UsageError if an option that the half needs is missing, or one that it does not use is given */
function checkOptions({ half, images, to, from, batchSize, wait }: Options): void {
  const needs = { front: { images, to }, back: { from }, whole: { images } }[half];
  for (const [name, value] of Object.entries(needs))
    if (value === undefined) throw new UsageError(`split ${half} needs --${name}`);
  for (const [name, value] of Object.entries({ images, to, from }))
    if (value !== undefined && !(name in needs)) throw new UsageError(`split ${half} does not use --${name}`);
  if (!Number.isInteger(batchSize) || batchSize < 1)
    throw new UsageError(`--batch-size must be an integer of at least 1, not ${batchSize}`);
  if (!(wait >= 0)) throw new UsageError(`--wait must be a number of seconds, not ${wait}`);
}

function channelOf(text: string): Channel {
  try {
    return parseChannel(text, fromCaller);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

const imagesOf = ({ images, split, limit, batchSize }: Options, { tower }: SplitModel) =>
  readImages(images as string, {
    imageSize: tower.inputResolution,
    batchSize,
    split: split ?? null,
    limit: limit ?? null,
  });

async function runFront(options: Options, model: SplitModel, signal: AbortSignal): Promise<void> {
  const channel = channelOf(options.to as string);
  const front = await FrontHalf.of(model, { dtype: options.dtype, batchSize: options.batchSize });
  let sent = 0;
  async function* tokens(batches: AsyncIterable<ImageBatch>): AsyncGenerator<HandOffBatch> {
    for await (const { images, ids } of batches) {
      yield await front.encode(images, ids);
      sent += ids.length;
    }
  }
  const chunks = writeHandOff(front.header, tokens(imagesOf(options, model)));
  await send(channel, chunks, { signal, connectTimeout: options.wait * 1000 });
  const { tokens: length, width, dtype } = front.header;
  console.error(`sent the tokens of ${sent} images: [${sent}, ${length}, ${width}] ${dtype}`);
}

async function runBack(options: Options, model: SplitModel, signal: AbortSignal): Promise<void> {
  const onListening = (address: string): void => console.error(`listening on ${address}`);
  let nonFinite = 0;
  await receive(
    channelOf(options.from as string),
    async (chunks) => {
      const { header, batches } = await readHandOff(chunks, { nonFinite: options.nonFinite });
      const back = await BackHalf.of(model, header);
      for await (const batch of batches) {
        nonFinite += batch.nonFinite;
        await print(formatResults(model.output, batch.ids, await back.run(batch)));
      }
    },
    { signal, onListening },
  );
  if (nonFinite > 0) console.error(`${nonFinite} numbers in the tokens were infinite or NaN`);
}

async function runWhole(options: Options, model: SplitModel, signal: AbortSignal): Promise<void> {
  const whole = new UnsplitModel(model, { dtype: options.dtype, batchSize: options.batchSize });
  for await (const { images, ids } of imagesOf(options, model)) {
    signal.throwIfAborted();
    await print(formatResults(model.output, ids, await whole.run(images)));
  }
}

/** Writes to standard output, and waits until there is room. */
const print = (text: string): Promise<void> =>
  new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => (error ? reject(error) : resolve()));
  });

export async function main(args: readonly string[]): Promise<number | undefined> {
  const options = await readOptions(args);
  checkOptions(options);
  // The error that `print` rejects with is emitted as an event, too.
  process.stdout.on('error', () => {});
  const { signal } = onInterrupt();
  try {
    await chooseBackend(options.backend, options.threads ?? null);
    const model = splitModel(await loadModel(fromCaller(options.run)));
    await { front: runFront, back: runBack, whole: runWhole }[options.half](options, model, signal);
    return;
  } catch (error) {
    if (!signal.aborted) throw error;
    console.error('interrupted');
    return exitCodes.interrupted;
  }
}
