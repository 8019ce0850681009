// The server over HTTP: answers, limits, timeouts, damaged requests, its end.
import { promises as fs } from 'node:fs';
import { Agent, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { openDataset } from '@tessera/data';
import { parseSafetensors } from '@tessera/tensor/safetensors';
import { type LoadedRun, loadRun } from '@tessera/train';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { updateIndex } from '../search/image-index.ts';
import { tinyImages, writeTinyRuns } from '../testing/tiny-runs.ts';
import type { Answers } from './schemas.ts';
import { type ModelServer, type ServeOptions, serveModel } from './serve-model.ts';

let root: string;
let clip: LoadedRun;
let shapes: LoadedRun;
let images: Uint8Array[];

beforeAll(async () => {
  root = await writeTinyRuns(['clip', 'shapes']);
  [clip, shapes] = [await loadRun(join(root, 'clip')), await loadRun(join(root, 'shapes'))];
  images = await tinyImages(root);
});
afterAll(async () => {
  clip.dispose();
  shapes.dispose();
  await fs.rm(root, { recursive: true });
});

const open: ModelServer[] = [];
async function serve(options: Partial<ServeOptions> = {}): Promise<ModelServer> {
  const server = await serveModel({ model: clip, name: 'clip', ...options });
  open.push(server);
  return server;
}
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

interface Call {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly agent?: Agent;
}

/** A request as it is: `fetch` would clean its path and refuse its headers. */
const ask = (
  { port }: ModelServer,
  path: string,
  { method = 'GET', headers = {}, body, agent }: Call = {},
): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, method, headers, ...(agent && { agent }) }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });

const json = <T>({ body }: Pick<Reply, 'body'>): T => JSON.parse(body.toString()) as T;
const errorOf = (reply: Reply): string => json<{ error: string }>(reply).error;
const post = (server: ModelServer, path: string, value: unknown, headers: Call['headers'] = {}): Promise<Reply> =>
  ask(server, path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(value),
  });
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

/** A form with fields and files, as a browser or curl sends it. */
function form(parts: readonly (readonly [name: string, value: string | Uint8Array, file?: string])[]): Call {
  const chunks = parts.flatMap(([name, value, file]) => [
    Buffer.from(
      `--frontier\r\nContent-Disposition: form-data; name="${name}"${file === undefined ? '' : `; filename="${file}"\r\nContent-Type: application/octet-stream`}\r\n\r\n`,
    ),
    Buffer.from(value as Uint8Array),
    Buffer.from('\r\n'),
  ]);
  return {
    method: 'POST',
    headers: { 'content-type': 'multipart/form-data; boundary=frontier' },
    body: Buffer.concat([...chunks, Buffer.from('--frontier--\r\n')]),
  };
}

/** A model with some functions of its own. */
const withFunctions = (model: LoadedRun, own: Partial<LoadedRun>): LoadedRun =>
  new Proxy(model, {
    get(target, key) {
      const value = Reflect.get(key in own ? own : target, key, target) as unknown;
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });

/** A model that computes nothing before `release` is called. */
function held(model: LoadedRun): { model: LoadedRun; release(): void; batches: number[] } {
  let release = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const batches: number[] = [];
  let isServing = false;
  const embedPixels: LoadedRun['embedPixels'] = async (pixels) => {
    // The first call is the trial before the server listens.
    if (isServing) {
      batches.push(pixels.length / (16 * 16 * 3));
      await gate;
    }
    isServing = true;
    return model.embedPixels(pixels);
  };
  return { model: withFunctions(model, { embedPixels }), release, batches };
}

describe('embed', () => {
  it('answers in every form with what the model computes', async () => {
    const server = await serve();
    const [own, texts] = [await clip.embedImages(images.slice(0, 2)), await clip.embedTexts(['red circle'])];
    const row = (k: number): number[] => Array.from(own.values.subarray(k * 8, (k + 1) * 8));
    const f32 = (list: readonly number[] | undefined): number[] => Array.from(new Float32Array(list ?? []));
    const both = await post(server, '/embed', {
      images: [
        base64(images[0] as Uint8Array),
        { name: 'b.png', data: `data:image/png;base64,${base64(images[1] as Uint8Array)}` },
      ],
      texts: ['red circle'],
    });
    expect(both.headers['content-type']).toBe('application/json; charset=utf-8');
    const answer = json<Answers['embed']>(both);
    expect([answer.dims, answer.normalized]).toEqual([8, false]);
    // The numbers in JSON are those of the model, bit for bit.
    expect(answer.images.map(f32)).toEqual([row(0), row(1)]);
    expect(answer.texts.map(f32)).toEqual([Array.from(texts.values)]);

    const files = form([
      ['image', images[0] as Uint8Array, 'a.png'],
      ['file', images[1] as Uint8Array, 'b.png'],
      ['text', 'red circle'],
    ]);
    expect(json(await ask(server, '/embed', files))).toEqual(answer);
    const raw = { method: 'POST', headers: { 'content-type': 'image/png' }, body: images[0] as Uint8Array };
    const alone = json<Answers['embed']>(await ask(server, '/embed', raw));
    for (const [d, value] of (alone.images[0] ?? []).entries()) expect(value).toBeCloseTo(row(0)[d] ?? 0, 5);
    const unit = json<Answers['embed']>(await ask(server, '/embed?normalize=true', raw));
    expect(unit.normalized).toBe(true);
    expect(Math.hypot(...(unit.images[0] ?? []))).toBeCloseTo(1, 6);
  });

  it('sends float32 and safetensors to those who accept them', async () => {
    const server = await serve();
    const value = { images: images.slice(0, 2).map(base64), texts: ['red circle'] };
    const { images: rows, texts, dims } = json<Answers['embed']>(await post(server, '/embed', value));
    const expected = [...rows, ...texts].flat();
    const binary = await post(server, '/embed', value, { accept: 'application/octet-stream' });
    expect(binary.headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'x-embedding-shape': '3,8',
      'x-embedding-dtype': 'float32-le',
    });
    expect(Array.from({ length: 24 }, (_, k) => binary.body.readFloatLE(4 * k))).toEqual(expected.map(Math.fround));
    const accept = 'application/json;q=0.5, application/x-safetensors';
    const { tensors, metadata } = parseSafetensors((await post(server, '/embed', value, { accept })).body);
    expect(metadata).toEqual({ normalized: 'false' });
    expect([...tensors].map(([name, { shape }]) => [name, shape])).toEqual([
      ['images', [2, dims]],
      ['texts', [1, dims]],
    ]);
    expect(Array.from((tensors.get('texts')?.data ?? []) as Float32Array)).toEqual(texts.flat().map(Math.fround));
    const refused = await post(server, '/embed', value, { accept: 'text/html' });
    expect([refused.status, errorOf(refused)]).toEqual([406, expect.stringContaining('application/json, or ')]);
  });

  it('of many callers is computed together, and each has its own answer', async () => {
    const { model, release, batches } = held(clip);
    const server = await serve({ model, batchSize: 4 });
    const answers = images.slice(0, 7).map((image) => post(server, '/embed', { images: [base64(image)] }));
    while (json<Answers['health']>(await ask(server, '/health')).waiting < 6)
      await new Promise((go) => setTimeout(go, 5));
    release();
    const rows = (await Promise.all(answers)).map((reply) => json<Answers['embed']>(reply).images[0] ?? []);
    expect(batches).toEqual([1, 4, 2]);
    const { values } = await clip.embedImages(images.slice(0, 7));
    for (const [d, value] of rows.flat().entries()) expect(value).toBeCloseTo(values[d] ?? 0, 5);
  });
});

describe('classify and predict', () => {
  it('zero-shot by the names of classes, in prompts', async () => {
    const server = await serve();
    const classes = ['circle', 'square', 'bar'];
    const templates = ['a {}', 'a picture of a {}'];
    const own = await clip.classify(images.slice(0, 3), { classes, templates });
    const answer = json<Answers['classify']>(
      await post(server, '/classify', { images: images.slice(0, 3).map(base64), classes, templates }),
    );
    expect(answer).toEqual({
      ...{ task: 'contrastive', kind: 'class', threshold: null },
      images: own.map((list, k) => ({ name: `image ${k}`, classes: list })),
    });
    const fields = [
      ...classes.map((name) => ['class', name] as const),
      ['template', 'photo'] as const,
      ['topK', '1'] as const,
    ];
    const files = form([['image', images[0] as Uint8Array, 'red.png'], ...fields]);
    const [best] = json<Answers['classify']>(await ask(server, '/classify', files)).images;
    expect([best?.name, best?.classes.length]).toEqual(['red.png', 1]);
    const texts = json<Answers['predict']>(
      await post(server, '/predict', { images: [base64(images[0] as Uint8Array)], texts: classes }),
    );
    const [prediction] = await clip.predict([images[0] as Uint8Array], { texts: classes });
    expect(texts.images).toEqual([{ name: 'image 0', ...prediction }]);
  });

  it('by the classes that a model learned', async () => {
    const server = await serve({ model: shapes, name: 'shapes' });
    const [own] = await shapes.classify([images[4] as Uint8Array]);
    const raw = { method: 'POST', headers: { 'content-type': 'image/png' }, body: images[4] as Uint8Array };
    const answer = json<Answers['classify']>(await ask(server, '/classify?topK=2', raw));
    expect(answer.images).toEqual([{ name: 'the image', classes: own?.slice(0, 2) }]);
    const card = json<Answers['model']>(await ask(server, '/model'));
    expect(card).toMatchObject({
      ...{ name: 'shapes', task: 'classify', classes: ['circle', 'square', 'bar'], dims: 8, textTokens: null },
      can: { embedImages: true, embedTexts: false, classify: 'own classes', predict: true, search: [] },
      preprocessing: { imageSize: 16 },
    });
  });

  it('what a model cannot do is refused with what it can', async () => {
    const server = await serve({ model: shapes, name: 'shapes' });
    const refusals = [
      await post(server, '/embed', { texts: ['a'] }),
      await post(server, '/search', { images: [base64(images[0] as Uint8Array)] }),
    ];
    expect(refusals.map(({ status }) => status)).toEqual([409, 409]);
    expect(refusals.map(errorOf)).toEqual([
      'a run of the task classify cannot embed texts; it can embed images, classify images by the classes that it learned, answer about images at /predict',
      expect.stringMatching(/^a run of the task classify was started without images to search in; it can embed images/),
    ]);
    const asked = await post(server, '/classify', { images: [base64(images[0] as Uint8Array)], classes: ['a'] });
    expect([asked.status, errorOf(asked)]).toEqual([400, 'classes: a run of the task classify does not use this']);
    const none = await post(await serve(), '/classify', { images: [base64(images[0] as Uint8Array)] });
    expect([none.status, errorOf(none)]).toEqual([400, expect.stringContaining('learned no classes')]);
  });
});

it('search finds the images nearest to texts and images, with small pictures', async () => {
  const { index } = await updateIndex(clip, join(root, 'data'), join(root, 'index'));
  using dataset = await openDataset(join(root, 'data'));
  const server = await serve({ search: { name: 'data', index, dataset } });
  const value = { texts: ['red circle'], images: [base64(images[5] as Uint8Array)], topK: 3 };
  const { queries } = json<Answers['search']>(await post(server, '/search', value));
  expect(queries.map(({ kind, query, found }) => [kind, query, found.length])).toEqual([
    ['text', 'red circle', 3],
    ['image', 'image 0', 3],
  ]);
  const [best] = queries[1]?.found ?? [];
  expect(best?.similarity).toBeCloseTo(1, 5);
  expect(best?.path).toBe(index.images.find(({ hash }) => best?.thumbnail.endsWith(hash))?.path);
  const picture = await ask(server, best?.thumbnail ?? '');
  expect(picture.headers['content-type']).toBe('image/webp');
  expect(await sharp(picture.body).metadata()).toMatchObject({ format: 'webp', width: 16, height: 16 });
  expect((await ask(server, '/thumbnails/..%2f..%2fconfig.yaml')).status).toBe(404);
});

describe('limits', () => {
  const image = (k = 0): string => base64(images[k] as Uint8Array);
  const limits = { bodyBytes: 20_000, images: 2, pixels: 1000, texts: 4, textLength: 10, results: 5 };

  it.each([
    ['too many images', 'embed', () => ({ images: [image(), image(), image()] }), 400, 'images: '],
    ['too many texts', 'embed', () => ({ texts: ['a', 'b', 'c', 'd', 'e'] }), 400, 'texts: '],
    ['a long text', 'embed', () => ({ texts: ['a', 'much too long'] }), 400, 'texts.1: '],
    ['an empty text', 'embed', () => ({ texts: [''] }), 400, 'texts.0: '],
    [
      'too many prompts',
      'classify',
      () => ({ images: [image()], classes: ['a', 'b', 'c'], templates: ['{}', 'a {}'] }),
      400,
      'classes times templates: 6 texts; at most 4',
    ],
    [
      'a template without a place',
      'classify',
      () => ({ images: [image()], classes: ['a'], templates: ['b'] }),
      400,
      'templates',
    ],
    ['too many results', 'classify', () => ({ images: [image()], classes: ['a'], topK: 6 }), 400, 'topK: '],
    ['a wrong type', 'embed', () => ({ texts: 'a' }), 400, 'texts: '],
    ['an unknown field', 'embed', () => ({ text: ['a'] }), 400, 'text'],
    ['nothing', 'embed', () => ({}), 400, 'neither images nor texts'],
    ['a list', 'embed', () => [image()], 400, 'not a JSON object'],
    [
      'what is not base64',
      'embed',
      () => ({ images: [{ name: 'a.png', data: '?'.repeat(20) }] }),
      400,
      'a.png: is not base64',
    ],
    [
      'a file of another kind',
      'embed',
      () => ({ images: [image(), { name: 'a.txt', data: base64(Buffer.from('hello')) }] }),
      400,
      'a.txt: is not an image file of a known format',
    ],
    [
      'a damaged image',
      'embed',
      () => ({ images: [{ name: 'cut.png', data: base64((images[0] as Uint8Array).subarray(0, 60)) }] }),
      400,
      'cut.png: ',
    ],
    [
      'a drawing',
      'embed',
      () => ({ images: [{ name: 'a.svg', data: base64(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')) }] }),
      400,
      'a.svg: SVG is not accepted',
    ],
    ['a large body', 'embed', () => ({ texts: ['a'.repeat(20_000)] }), 413, 'larger than 20000 bytes'],
  ] as const)('%s is refused, and the server goes on', async (_, path, body, status, message) => {
    const server = await serve({ limits });
    const reply = await post(server, `/${path}`, body());
    expect([reply.status, errorOf(reply)]).toEqual([status, expect.stringContaining(message)]);
    expect((await post(server, '/embed', { texts: ['fine'] })).status).toBe(200);
  });

  it('an image with too many pixels is refused before it is decoded', async () => {
    const server = await serve({ limits });
    const large = await sharp({ create: { width: 40, height: 26, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    const reply = await ask(
      server,
      '/embed',
      form([
        ['image', images[0] as Uint8Array, 'fine.png'],
        ['image', large, 'large.png'],
      ]),
    );
    expect([reply.status, errorOf(reply)]).toEqual([400, 'large.png: has 40 x 26 pixels; at most 1000 are accepted']);
    const three = images.slice(0, 3).map((bytes) => ['image', bytes, 'a.png'] as const);
    const many = await ask(server, '/embed', form(three));
    expect([many.status, errorOf(many)]).toEqual([400, 'images: at most 2 in a request']);
  });

  it('a body without a length is read only up to the limit', async () => {
    const server = await serve({ limits });
    const reply = await new Promise<Reply>((resolve, reject) => {
      const headers = { 'content-type': 'image/png', 'transfer-encoding': 'chunked' };
      const sent = request(
        { host: '127.0.0.1', port: server.port, path: '/embed', method: 'POST', headers },
        (response) => {
          response.resume();
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.alloc(0) });
        },
      );
      // The server closes the connection while more is sent.
      sent.on('error', reject);
      for (let k = 0; k < 30; k++) sent.write(Buffer.alloc(1000));
    });
    expect([reply.status, reply.headers.connection]).toEqual([413, 'close']);
  });

  it.each([
    [{ 'content-type': 'text/plain' }, 415, 'text/plain: send JSON'],
    [{}, 415, 'no Content-Type'],
    [{ 'content-type': 'application/json', 'content-encoding': 'gzip' }, 415, 'compressed (gzip)'],
    [{ 'content-type': 'application/json' }, 400, 'not JSON'],
    [{ 'content-type': 'multipart/form-data' }, 400, 'the form cannot be read'],
    [{ 'content-type': 'multipart/form-data; boundary=x' }, 400, ''],
    [{ 'content-type': 'image/png' }, 400, 'the image: is not an image file'],
  ])('a body %j is refused', async (headers, status, message) => {
    const reply = await ask(await serve(), '/embed', { method: 'POST', headers, body: 'not what it says' });
    expect([reply.status, errorOf(reply)]).toEqual([status, expect.stringContaining(message)]);
  });

  it('what comes when the queue is full is refused, and may come again', async () => {
    const { model, release } = held(clip);
    const server = await serve({ model, limits: { requests: 2 } });
    const send = (): Promise<Reply> => post(server, '/embed', { images: [image()] });
    const first = [send(), send()];
    while (json<Answers['health']>(await ask(server, '/health')).requests < 2)
      await new Promise((go) => setTimeout(go, 5));
    const refused = await send();
    expect([refused.status, errorOf(refused)]).toEqual([429, '2 requests wait already: try again later']);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    release();
    expect((await Promise.all(first)).map(({ status }) => status)).toEqual([200, 200]);
    expect((await send()).status).toBe(200);
  });

  it('a slow model is given up, a slow sender too', async () => {
    const { model, release } = held(clip);
    const server = await serve({ model, limits: { seconds: 0.2 } });
    const late = await post(server, '/embed', { images: [image()] });
    expect([late.status, errorOf(late)]).toEqual([503, 'there is no answer within 0.2 s: the model is busy']);
    expect(late.headers['retry-after']).toBeDefined();
    const slow = await new Promise<string>((resolve, reject) => {
      const socket = connect(server.port, '127.0.0.1');
      let text = '';
      socket.on('data', (chunk) => {
        text += String(chunk);
      });
      socket.on('error', reject).on('close', () => resolve(text));
      socket.write(
        'POST /embed HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: 100\r\n\r\nabc',
      );
    });
    expect(slow).toMatch(/^HTTP\/1\.1 408 /);
    expect(slow).toContain('{"error":"the body has not arrived within 0.2 s"}');
    // The work that was given up still counts until the model has done it.
    expect(json<Answers['health']>(await ask(server, '/health')).requests).toBe(0);
    release();
  });
});

describe('who may ask', () => {
  it('pages of other sites and unknown names are refused, and nothing is allowed by default', async () => {
    const server = await serve();
    expect((await ask(server, '/model', { headers: { host: 'evil.example' } })).status).toBe(421);
    const other = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' };
    const refused = await post(server, '/embed', { texts: ['a'] }, other);
    expect([refused.status, refused.headers['access-control-allow-origin']]).toEqual([403, undefined]);
    expect((await ask(server, '/embed', { method: 'OPTIONS', headers: other })).status).toBe(403);
  });

  it('an origin is allowed by name', async () => {
    const server = await serve({ cors: ['https://mine.example'] });
    const mine = { 'sec-fetch-site': 'cross-site', origin: 'https://mine.example' };
    const asked = await ask(server, '/embed', { method: 'OPTIONS', headers: mine });
    expect([asked.status, asked.headers['access-control-allow-headers']]).toEqual([
      204,
      'Authorization, Content-Type, Accept',
    ]);
    const reply = await post(server, '/embed', { texts: ['a'] }, mine);
    expect(reply.headers).toMatchObject({ 'access-control-allow-origin': 'https://mine.example', vary: 'Origin' });
    expect((await post(server, '/embed', { texts: ['a'] }, { ...mine, origin: 'https://other.example' })).status).toBe(
      403,
    );
  });

  it('other machines need a token', async () => {
    await expect(serve({ host: '0.0.0.0' })).rejects.toThrow('so a token is needed');
    const server = await serve({ host: '0.0.0.0', token: 'correct-horse' });
    for (const path of ['/', '/model', '/openapi.json', '/embed']) expect((await ask(server, path)).status).toBe(401);
    const authorization = 'Bearer correct-horse';
    expect((await post(server, '/embed', { texts: ['a'] }, { authorization })).status).toBe(200);
    const page = await ask(server, '/?token=correct-horse');
    expect([page.status, page.headers.location]).toEqual([303, './']);
  });

  it('no answer says how the server is made', async () => {
    const errors: unknown[] = [];
    const broken = withFunctions(clip, {
      embedTexts: async (texts) => {
        if (texts[0] === 'b') throw new Error('secret path');
        return clip.embedTexts(texts);
      },
    });
    const server = await serve({ model: broken, onError: (error) => errors.push(error) });
    const reply = await post(server, '/embed', { texts: ['b'] });
    expect([reply.status, json(reply)]).toEqual([500, { error: 'the server failed; its output says why' }]);
    expect(errors).toMatchObject([{ message: 'secret path' }]);
    const lost = await ask(server, '/nothing');
    expect([lost.status, errorOf(lost)]).toEqual([
      404,
      'there is nothing at /nothing; /openapi.json lists what there is',
    ]);
    const wrong = await ask(server, '/embed');
    expect([wrong.status, wrong.headers.allow]).toEqual([405, 'POST']);
    expect((await post(server, '/health', {})).headers.allow).toBe('GET');
    for (const { headers } of [reply, lost, wrong])
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'content-security-policy': expect.stringMatching(/^default-src 'none'/),
      });
  });
});

it('ends when running requests are answered, and takes no others', async () => {
  const { model, release } = held(clip);
  const server = await serve({ model });
  const agent = new Agent({ keepAlive: true });
  const call = { method: 'POST', agent, headers: { 'content-type': 'image/png' }, body: images[0] as Uint8Array };
  const running = ask(server, '/embed', call);
  while (json<Answers['health']>(await ask(server, '/health')).requests < 1)
    await new Promise((go) => setTimeout(go, 5));
  const closed = server.close();
  await expect(ask(server, '/health')).rejects.toThrow();
  release();
  const reply = await running;
  expect([reply.status, reply.headers.connection]).toEqual([200, 'close']);
  await closed;
  agent.destroy();
});
