// Damaged and made-up requests: each is answered or refused with a sentence, and none is the server's fault.
import { promises as fs } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { CounterRandom, purpose } from '@tessera/data';
import { damageBytes, fuzzCount, fuzzSeed } from '@tessera/data/testing/fuzz';
import { type LoadedRun, loadRun } from '@tessera/train';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { tinyImages, writeTinyRuns } from '../testing/tiny-runs.ts';
import { type ModelServer, serveModel } from './serve-model.ts';

let root: string;
let clip: LoadedRun;
let server: ModelServer;
let image: Uint8Array;
const errors: unknown[] = [];

beforeAll(async () => {
  root = await writeTinyRuns(['clip']);
  clip = await loadRun(join(root, 'clip'));
  [image = new Uint8Array()] = await tinyImages(root);
  server = await serveModel({ model: clip, name: 'clip', onError: (error) => errors.push(error) });
});
afterAll(async () => {
  await server.close();
  clip.dispose();
  await fs.rm(root, { recursive: true });
});

interface Reply {
  readonly status: number;
  readonly text: string;
}

const post = (path: string, type: string, body: Uint8Array): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const headers = { 'content-type': type };
    const sent = request({ host: '127.0.0.1', port: server.port, path, method: 'POST', headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });

/** The same bytes as they are on the wire; resolves with the answer when the server ends the connection. */
const wire = (bytes: Uint8Array): Promise<string> =>
  new Promise((resolve) => {
    let text = '';
    const socket = connect(server.port, '127.0.0.1');
    socket.on('data', (chunk) => {
      text += String(chunk);
    });
    socket.on('error', () => undefined).on('close', () => resolve(text));
    socket.end(bytes);
  });

const picture = (): string => Buffer.from(image).toString('base64');

/** Intact requests. */
const originals: readonly (() => readonly [path: string, type: string, body: Buffer])[] = [
  () => ['/embed', 'application/json', Buffer.from(JSON.stringify({ texts: ['a'], normalize: true }))],
  () => ['/embed', 'application/json', Buffer.from(JSON.stringify({ images: [{ name: 'a.png', data: picture() }] }))],
  () => [
    '/classify',
    'application/json',
    Buffer.from(JSON.stringify({ images: [picture()], classes: ['a', 'b'], topK: 1 })),
  ],
  () => ['/embed', 'image/png', Buffer.from(image)],
  () => [
    '/classify',
    'multipart/form-data; boundary=x',
    Buffer.concat([
      Buffer.from('--x\r\nContent-Disposition: form-data; name="class"\r\n\r\na\r\n'),
      Buffer.from(
        '--x\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n',
      ),
      image,
      Buffer.from('\r\n--x--\r\n'),
    ]),
  ],
];

it('damaged bodies are answered or refused with a sentence', async () => {
  const random = new CounterRandom(fuzzSeed, purpose.search, 0, 0);
  let refused = 0;
  for (let k = 0; k < fuzzCount; k++) {
    const [path, type, body] = (originals[k % originals.length] as (typeof originals)[number])();
    const { status, text } = await post(path, type, damageBytes(body, random));
    const context = `seed ${fuzzSeed}, request ${k}: ${status} ${text.slice(0, 200)}`;
    expect([200, 400, 413], context).toContain(status);
    const answer = JSON.parse(text) as { readonly error?: string };
    if (status !== 200) {
      refused++;
      expect(answer.error, context).toMatch(/^[^\n]{5,400}$/);
      expect(answer.error, context).not.toMatch(/\n|node:|\.ts:|undefined|\[object/);
    }
  }
  expect(errors, `seed ${fuzzSeed}`).toEqual([]);
  expect(refused, `seed ${fuzzSeed}`).toBeGreaterThan(fuzzCount / 10);
});

it('made-up values of JSON are refused', async () => {
  const random = new CounterRandom(fuzzSeed, purpose.search, 0, 1);
  const values = [null, true, -1, 1e300, '', 'a', [], {}, [[]], ['a'], [null], { data: 1 }, 'data:,', '\u0000', '{}'];
  const names = [
    'images',
    'texts',
    'classes',
    'templates',
    'topK',
    'normalize',
    '__proto__',
    'constructor',
    'questions',
  ];
  for (let k = 0; k < fuzzCount; k++) {
    const fields = Array.from({ length: 1 + random.below(3) }, () => [
      names[random.below(names.length)],
      values[random.below(values.length)],
    ]);
    const body = `{${fields.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`;
    const path = ['/embed', '/classify', '/predict'][random.below(3)] as string;
    const { status, text } = await post(path, 'application/json', Buffer.from(body));
    expect([200, 400, 409], `seed ${fuzzSeed}: ${path} ${body}: ${status} ${text}`).toContain(status);
    JSON.parse(text);
  }
  expect(errors, `seed ${fuzzSeed}`).toEqual([]);
});

it('what is not HTTP, or almost, does not end the server', async () => {
  const random = new CounterRandom(fuzzSeed, purpose.search, 0, 2);
  const body = JSON.stringify({ texts: ['a'] });
  const whole = Buffer.from(
    `POST /embed?normalize=1 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: */*\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  );
  expect(await wire(whole)).toMatch(/^HTTP\/1\.1 200 /);
  for (let k = 0; k < fuzzCount; k++) {
    const answer = await wire(damageBytes(whole, random));
    expect(answer, `seed ${fuzzSeed}, request ${k}`).toMatch(/^(HTTP\/1\.1 (200|30\d|4\d\d) |$)/);
  }
  expect(errors, `seed ${fuzzSeed}`).toEqual([]);
  expect((await post('/embed', 'application/json', Buffer.from(body))).status).toBe(200);
});
