/** npm run split: a model's front half in one process, its transformer in another, an Arrow stream between them. */
import { existsSync } from 'node:fs';
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
import { findRun, loadCLIPFile, loadRun } from '@tessera/train';
import {
  backendOption,
  chooseBackend,
  commandLine,
  exitCodes,
  fromCaller,
  onInterrupt,
  runCommand,
  UsageError,
} from './lib/command.ts';
import { type PictureBatch, readPictures } from './lib/split/images.ts';
import { formatResults } from './lib/split/results.ts';

const readOptions = () =>
  commandLine('split')
    .command('$0 <half> <run>', 'Runs half of a Vision Transformer: the front hands tokens over, the back answers.')
    .positional('half', {
      choices: ['front', 'back', 'whole'] as const,
      demandOption: true,
      describe: 'front: pictures to tokens. back: tokens to results. whole: both, in one process, to compare with',
    })
    .positional('run', {
      type: 'string',
      demandOption: true,
      describe: "A run's folder or checkpoint, or CLIP's weights",
    })
    .options({
      images: { type: 'string', describe: 'Folder of pictures, or a data set: its name or folder (front, whole)' },
      split: { type: 'string', describe: 'Split of the data set [default: its first]' },
      limit: { type: 'number', describe: 'At most so many pictures' },
      to: {
        type: 'string',
        nargs: 1,
        describe: 'Where the front sends: a file or named pipe, tcp://host:port, or - (stdout)',
      },
      from: {
        type: 'string',
        nargs: 1,
        describe: 'Where the back reads: a file or named pipe, tcp://host:port, or - (stdin)',
      },
      dtype: {
        choices: handOffDTypes,
        default: 'f32' as HandOffDType,
        describe: 'Of the tokens on their way; f32 loses nothing',
      },
      'batch-size': {
        type: 'number',
        default: 32,
        describe: 'Pictures in a batch; the back takes what the front says',
      },
      'non-finite': {
        choices: ['refuse', 'count'] as const,
        default: 'refuse' as const,
        describe: 'What the back does with infinite numbers and NaN',
      },
      wait: { type: 'number', default: 30, describe: 'Seconds that the front waits until somebody listens' },
      backend: { ...backendOption, default: 'auto' },
      threads: { type: 'number', describe: 'Of the wasm backend [default: all cores]' },
    })
    .example(
      'npm run --silent split -- front runs/first --images pictures --to - | npm run --silent split -- back runs/first --from -',
      'through a pipe (--silent: npm writes to it, too)',
    )
    .example('$0 back runs/first --from tcp://127.0.0.1:5555', 'listens there; the front sends with --to')
    .parseAsync();

type Options = Awaited<ReturnType<typeof readOptions>>;

/** Options that a half has no use for are mistakes, not to be passed over. */
function checkOptions({ half, images, to, from, batchSize, wait }: Options): void {
  const needs = { front: { images, to }, back: { from }, whole: { images } }[half];
  for (const [name, value] of Object.entries(needs))
    if (value === undefined) throw new UsageError(`split ${half} needs --${name}`);
  for (const [name, value] of Object.entries({ images, to, from }))
    if (value !== undefined && !(name in needs)) throw new UsageError(`split ${half} takes no --${name}`);
  if (!Number.isInteger(batchSize) || batchSize < 1)
    throw new UsageError(`--batch-size must be a whole number of at least 1, not ${batchSize}`);
  if (!(wait >= 0)) throw new UsageError(`--wait must be a number of seconds, not ${wait}`);
}

function channelOf(text: string): Channel {
  try {
    return parseChannel(text, fromCaller);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

async function loadModel(path: string): Promise<SplitModel> {
  const isRun = (await findRun(path)) !== null || !existsSync(path);
  return splitModel(isRun ? await loadRun(path) : await loadCLIPFile(path));
}

const pictures = ({ images, split, limit, batchSize }: Options, { tower }: SplitModel) =>
  readPictures(images as string, {
    imageSize: tower.inputResolution,
    batchSize,
    split: split ?? null,
    limit: limit ?? null,
  });

async function runFront(options: Options, model: SplitModel, signal: AbortSignal): Promise<void> {
  const channel = channelOf(options.to as string);
  const front = await FrontHalf.of(model, { dtype: options.dtype, batchSize: options.batchSize });
  let sent = 0;
  async function* tokens(batches: AsyncIterable<PictureBatch>): AsyncGenerator<HandOffBatch> {
    for await (const { images, ids } of batches) {
      yield await front.encode(images, ids);
      sent += ids.length;
    }
  }
  const chunks = writeHandOff(front.header, tokens(pictures(options, model)));
  await send(channel, chunks, { signal, connectTimeout: options.wait * 1000 });
  const { tokens: length, width, dtype } = front.header;
  console.error(`${sent} pictures handed over: [${sent}, ${length}, ${width}] ${dtype}`);
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
        await print(formatResults(model.gives, batch.ids, await back.run(batch)));
      }
    },
    { signal, onListening },
  );
  if (nonFinite > 0) console.error(`${nonFinite} numbers among the tokens were infinite or NaN`);
}

async function runWhole(options: Options, model: SplitModel, signal: AbortSignal): Promise<void> {
  const whole = new UnsplitModel(model, { dtype: options.dtype, batchSize: options.batchSize });
  for await (const { images, ids } of pictures(options, model)) {
    signal.throwIfAborted();
    await print(formatResults(model.gives, ids, await whole.run(images)));
  }
}

/** To standard output, when there is room. */
const print = (text: string): Promise<void> =>
  new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => (error ? reject(error) : resolve()));
  });

async function main(): Promise<number | undefined> {
  const options = await readOptions();
  checkOptions(options);
  // What `print` is told comes as an event, too.
  process.stdout.on('error', () => {});
  const signal = onInterrupt();
  try {
    await chooseBackend(options.backend, options.threads ?? null);
    const model = await loadModel(fromCaller(options.run));
    await { front: runFront, back: runBack, whole: runWhole }[options.half](options, model, signal);
    return;
  } catch (error) {
    if (!signal.aborted) throw error;
    console.error('interrupted');
    return exitCodes.interrupted;
  }
}

await runCommand(main);
