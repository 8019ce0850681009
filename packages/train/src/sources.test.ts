/**
 * The same pictures as Arrow, Parquet and tar files, from this machine, a web server, S3 and the hub: the same losses, bit for bit, also
 * where the server cuts and stalls, and where a run is interrupted in the middle of an epoch. TESSERA_PICTURES is the number of pictures
 * (default 96; 20000 takes some minutes).
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CounterRandom, feature, purpose, writeDataset } from '@tessera/data';
import { type Answer, type FileServer, startFileServer } from '@tessera/data/testing/file-server';
import { copyDataset } from '@tessera/data/tools';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readCheckpoint } from './loop/checkpoint.ts';
import { findCheckpoint, RunFolder } from './run-folder/run-folder.ts';
import { useTestBackend } from './testing/backend.ts';
import { tinyConfig } from './testing/tiny-run.ts';
import { trainModel } from './train-model.ts';

const pictures = Number(process.env.TESSERA_PICTURES ?? 96);
const batchSize = Math.max(8, pictures / 40);
const commit = '0123456789abcdef0123456789abcdef01234567';

let root: string;
let server: FileServer;
let expected: number[];
/** The files of the three formats, by format: names below the server's address. */
const names: Record<'arrow' | 'parquet' | 'tar', string[]> = { arrow: [], parquet: [], tar: [] };
const folderOf = (format: string): string => join(root, `${format}-files`);

/** Pictures of 16 x 16 random pixels with a caption. */
async function* rows(): AsyncGenerator<Record<string, unknown>> {
  for (let row = 0; row < pictures; row++) {
    const random = new CounterRandom(1, purpose.augment, 0, row);
    const pixels = Uint8Array.from({ length: 16 * 16 * 3 }, () => random.below(256));
    const bytes = await sharp(pixels, { raw: { width: 16, height: 16, channels: 3 } })
      .png({ compressionLevel: 1 })
      .toBuffer();
    yield { image: { bytes, path: `${row}.png` }, caption: `picture ${row} of ${random.below(9)} things` };
  }
}

/** Answers as S3 and the hub do: lists of files, and where a file of the hub is. */
function answer(url: URL): Answer | null {
  const all = Object.values(names).flat();
  if (url.pathname === '/bucket') {
    const found = all.filter((name) => name.startsWith(url.searchParams.get('prefix') ?? ''));
    const contents = found.map((name) => `<Contents><Key>${name}</Key></Contents>`);
    return { body: `<ListBucketResult>${contents.join('')}</ListBucketResult>` };
  }
  if (url.pathname.startsWith('/api/datasets/user/name/revision/')) return { body: JSON.stringify({ sha: commit }) };
  if (url.pathname === `/api/datasets/user/name/tree/${commit}`)
    return { body: JSON.stringify(all.map((path) => ({ type: 'file', path }))) };
  const path = new RegExp(`^/datasets/user/name/resolve/${commit}/(.*)$`).exec(url.pathname)?.[1];
  return path === undefined ? null : { status: 302, headers: { location: `${server.url}/bucket/${path}` } };
}

interface Training {
  /** Stop after this step. */
  readonly stopAfter?: number;
  readonly resume?: boolean;
}

/** The losses of a run on a data set, over one and a half epochs. */
async function losses(dataset: string, name: string, { stopAfter, resume = false }: Training = {}): Promise<number[]> {
  const steps = Math.floor((1.5 * pictures) / batchSize);
  const config = await tinyConfig(
    ...[`training.batchSize=${batchSize}`, `training.maxSteps=${steps}`, 'data.augmentation=clip'],
    ...['evaluation.splits=[]', 'data.workers=1', 'model.text.contextLength=16'],
  );
  const folder = new RunFolder(join(root, name));
  const controller = new AbortController();
  const { finished } = await trainModel({
    config,
    dataset,
    folder,
    resume: resume ? await readCheckpoint(await findCheckpoint(folder.path)) : null,
    signal: controller.signal,
    listener: { onStep: ({ step }) => (step === stopAfter ? controller.abort() : undefined) },
  });
  expect(finished).toBe(stopAfter === undefined);
  return readFileSync(folder.metrics, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { kind: string; loss: number })
    .flatMap(({ kind, loss }) => (kind === 'step' ? [loss] : []));
}

beforeAll(async () => {
  useTestBackend();
  root = mkdtempSync(join(tmpdir(), 'tessera-sources-'));
  await writeDataset(
    join(root, 'arrow'),
    { features: { image: feature.image(), caption: feature.value('string') } },
    { train: rows() },
  );
  server = await startFileServer();
  server.answer = answer;
  for (const format of ['arrow', 'parquet', 'tar'] as const) {
    const options = {
      to: format,
      rowsPerFile: Math.ceil(pictures / 4),
      ...(format === 'parquet' && { rowsPerGroup: 100 }),
    };
    await copyDataset(join(root, 'arrow'), folderOf(format), format === 'arrow' ? { to: 'arrow' } : options);
    const files = readdirSync(folderOf(format), { recursive: true, encoding: 'utf8' });
    names[format] = files.filter((file) => file.endsWith(`.${format}`)).map((file) => `${format}/${file}`);
    for (const name of names[format]) {
      const content = new Uint8Array(readFileSync(join(folderOf(format), name.slice(format.length + 1))));
      server.files.set(`/bucket/${name}`, content);
    }
  }
  expected = await losses(join(root, 'arrow'), 'expected');
}, 1_200_000);
afterAll(async () => {
  await server.close();
  rmSync(root, { recursive: true, force: true });
});
afterEach(() => {
  delete process.env.AWS_ENDPOINT_URL;
  delete process.env.HF_ENDPOINT;
});

const long = { timeout: 1_200_000 };

describe(`${pictures} pictures`, () => {
  it('have different losses in different steps', () => {
    expect(expected).toHaveLength(Math.floor((1.5 * pictures) / batchSize));
    // All losses are within some hundredths, where there are some ten thousand f32: two of 60 are equal by chance now and then.
    expect(new Set(expected).size).toBeGreaterThan(0.9 * expected.length);
  });

  it.each(['parquet', 'tar'] as const)('in %s files have the losses of those in Arrow files', long, async (format) => {
    expect(names[format]).toHaveLength(4);
    expect(await losses(folderOf(format), format)).toEqual(expected);
  });

  it.each(['arrow', 'parquet', 'tar'] as const)(
    'in %s files on a web server, which cuts, is busy and sends whole files now and then',
    long,
    async (format) => {
      server.requests.length = 0;
      server.faults.push(...Array.from({ length: 60 }, (_, k) => (k % 5 === 4 ? faults[(k % 3) as 0 | 1 | 2] : null)));
      const shared = `${server.url}/bucket/{${names[format].join(',')}}`;
      expect(await losses(names[format].length === 1 ? shared.replace(/[{}]/g, '') : shared, `http-${format}`)).toEqual(
        expected,
      );
      server.faults.length = 0;
    },
  );

  it('in S3, interrupted in the middle of an epoch', long, async () => {
    process.env.AWS_ENDPOINT_URL = server.url;
    const half = Math.floor(pictures / batchSize / 2);
    const begun = await losses('s3://bucket/parquet/**/*.parquet', 's3', { stopAfter: half });
    expect(begun).toEqual(expected.slice(0, half));
    expect(await losses('s3://bucket/parquet/**/*.parquet', 's3', { resume: true })).toEqual(expected);
  });

  it('on the hub', long, async () => {
    process.env.HF_ENDPOINT = server.url;
    expect(await losses('hf://datasets/user/name/tar/**/*.tar', 'hub')).toEqual(expected);
  });
});

const faults = ['cut', 'busy', 'error 500'] as const;
