// npm run split: both halves over files, sockets and pipes, and their errors.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { promises as fs } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Outcome, outcome, start, writePictures } from './testing/commands.ts';

let root: string;
const run = (...args: string[]): Promise<Outcome> => outcome(start(root, 'split', args));
const settings = (...values: string[]): string[] => values.flatMap((value) => ['--set', value]);

const training = [
  ...['--preset', 'tiny', '--data', 'dataset'],
  ...settings('training.batchSize=4', 'training.epochs=1', 'evaluation.batchSize=4', 'runtime.peakGflops=1'),
  ...settings('tokenizer.vocabularySize=540', 'schedule.warmupSteps=1'),
];

beforeAll(async () => {
  root = await fs.mkdtemp(join(tmpdir(), 'split-'));
  await writePictures(join(root, 'pictures'));
  await outcome(start(root, 'build-dataset', ['pictures', '--out', 'dataset']));
  for (const [name, seed] of Object.entries({ clip: 1, other: 2 })) {
    const { status, err } = await outcome(
      start(root, 'train', [...training, '--run', name, ...settings(`seed=${seed}`)]),
    );
    expect(status, err).toBe(0);
  }
}, 120_000);
afterAll(() => fs.rm(root, { recursive: true }));

/** Runs both halves at once. */
async function both(front: string[], back: string[]): Promise<{ front: Outcome; back: Outcome }> {
  const [sender, receiver] = await Promise.all([run('front', ...front), run('back', ...back)]);
  return { front: sender, back: receiver };
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const pictures = ['clip', '--images', 'pictures', '--batch-size', '6'];

describe('two processes compute the bits of one', () => {
  let whole: string;
  beforeAll(async () => {
    const outcome = await run('whole', ...pictures);
    expect(outcome.err).toBe('');
    whole = outcome.out;
    const lines = whole
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { id: string; embedding: number[] });
    expect(lines.map(({ id }) => id)).toEqual(
      (await fs.readdir(join(root, 'pictures'))).filter((n) => n.endsWith('.svg')).sort(),
    );
    expect(new Set(lines.map(({ embedding }) => JSON.stringify(embedding))).size).toBe(8);
  }, 60_000);

  it('over a file', async () => {
    const front = await run('front', ...pictures, '--to', 'tokens.arrow');
    expect(front).toMatchObject({
      status: 0,
      out: '',
      err: expect.stringMatching(/^sent the tokens of 16 images: \[16, \d+, \d+\] f32\n$/),
    });
    expect(await run('back', 'clip', '--from', 'tokens.arrow')).toEqual({ status: 0, out: whole, err: '' });
  });

  it('over a socket, whichever half starts first', async () => {
    const address = `tcp://127.0.0.1:${await freePort()}`;
    const { front, back } = await both([...pictures, '--to', address], ['clip', '--from', address]);
    expect(front.err).toContain('sent the tokens of 16 images');
    expect(back).toMatchObject({ status: 0, out: whole, err: `listening on ${address}\n` });
  });

  it('over a pipe', async () => {
    const front = start(root, 'split', ['front', ...pictures, '--to', '-']);
    const back = start(root, 'split', ['back', 'clip', '--from', '-']);
    front.stdout.pipe(back.stdin);
    const [sent, answered] = await Promise.all([outcome(front), outcome(back)]);
    expect(sent.status).toBe(0);
    expect(answered).toEqual({ status: 0, out: whole, err: '' });
  });

  it.skipIf(process.platform === 'win32')('over a named pipe', async () => {
    execFileSync('mkfifo', [join(root, 'fifo')]);
    const { front, back } = await both([...pictures, '--to', 'fifo'], ['clip', '--from', 'fifo']);
    expect(front).toMatchObject({ status: 0 });
    expect(back).toEqual({ status: 0, out: whole, err: '' });
  });

  it.each(['f16', 'bf16'])('in %s, if one process rounds like the stream', async (dtype) => {
    const rounded = await run('whole', ...pictures, '--dtype', dtype);
    expect(rounded.out).not.toBe(whole);
    await run('front', ...pictures, '--dtype', dtype, '--to', `${dtype}.arrow`);
    const { out } = await run('back', 'clip', '--from', `${dtype}.arrow`);
    expect(out === rounded.out).toBe(true);
  });

  it('from a dataset', async () => {
    const dataset = ['clip', '--images', 'dataset', '--split', 'test', '--limit', '5'];
    const one = await run('whole', ...dataset);
    await run('front', ...dataset, '--to', 'rows.arrow');
    const { out } = await run('back', 'clip', '--from', 'rows.arrow');
    expect(out).toBe(one.out);
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).id),
    ).toEqual([0, 1, 2, 3, 4].map((row) => `test/${row}`));
  });
});

describe('errors are reported on both sides', () => {
  it('a back half with other weights is an error of the sender, too', async () => {
    const address = `tcp://127.0.0.1:${await freePort()}`;
    const { front, back } = await both([...pictures, '--to', address], ['other', '--from', address]);
    expect(back.status).toBe(1);
    expect(back.out).toBe('');
    expect(back.err).toContain('other weights; use the same run and checkpoint on both sides');
    expect(front.status).toBe(1);
    expect(front.err).toMatch(/the receiver (stopped reading|closed the connection|did not process everything)/);
  });

  it('a receiver that dies', async () => {
    // A stand-in for a receiver: a real one may be done with so few images before it can be killed.
    const receiver = net.createServer((socket) => socket.once('data', () => socket.destroy()).on('error', () => {}));
    receiver.listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    const { port } = receiver.address() as net.AddressInfo;
    const front = ['front', 'clip', '--images', 'pictures', '--batch-size', '1', '--to', `tcp://127.0.0.1:${port}`];
    const { status, err } = await run(...front);
    receiver.close();
    expect(status).toBe(1);
    expect(err).toMatch(/error: tcp:.*the receiver (stopped reading after \d+ bytes|did not process everything)/);
  });

  it('a truncated file', async () => {
    await run('front', ...pictures, '--to', 'whole.arrow');
    const bytes = await fs.readFile(join(root, 'whole.arrow'));
    await fs.writeFile(join(root, 'cut.arrow'), bytes.subarray(0, bytes.length - 1000));
    const { status, err } = await run('back', 'clip', '--from', 'cut.arrow');
    expect(status).toBe(1);
    expect(err).toMatch(/cut\.arrow: is truncated: it ends at byte \d+; expected batch 2's data \(\d+ more bytes\)/);
  });

  it('Ctrl-C before a sender has connected', async () => {
    const before = await fs.readdir(root);
    const address = `tcp://127.0.0.1:${await freePort()}`;
    const waiting = await outcome(start(root, 'split', ['back', 'clip', '--from', address]), /listening/);
    expect(waiting).toMatchObject({ status: 130, err: expect.stringContaining('interrupted') });
    expect(await fs.readdir(root)).toEqual(before);
  });

  it.each([
    [['front', 'clip', '--images', 'pictures'], 'split front needs --to'],
    [['back', 'clip', '--from', '-', '--images', 'pictures'], 'split back does not use --images'],
    [['back', 'clip', '--from', 'nothing.arrow'], 'nothing.arrow: there is no such file'],
    [['back', 'clip', '--from', 'pictures/captions.csv'], 'is not a stream of tokens: it is not an Arrow IPC stream'],
    [
      ['back', 'clip', '--from', 'dataset/test/data-00000-of-00001.arrow'],
      "the schema's metadata has no tessera_hand_off",
    ],
    [['back', 'clip', '--from', 'tcp://nowhere'], 'tcp://nowhere: is not a valid address; expected tcp://host:port'],
    [['front', 'clip', '--images', 'pictures', '--to', 'tcp://127.0.0.1:9', '--wait', '0'], 'no receiver is listening'],
    [['front', 'clip', '--images', 'pictures', '--to', 'pictures'], 'pictures: is a folder; a file was expected'],
  ])('%j is answered with one clear message', async (args, message) => {
    const { status, err } = await run(...args);
    expect(err).toContain(message);
    expect(err).not.toContain('    at ');
    expect(status).toBeGreaterThan(0);
  });
});
