// Files of a server that misbehaves: what passes is repeated, what does not is an error that names the file.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type FileServer, startFileServer } from '../testing/file-server.ts';
import { openHttp } from './http.ts';
import { httpsStore } from './https.ts';

const content = Uint8Array.from({ length: 5000 }, (_, i) => (i * 7 + (i >> 8)) & 255);
const quick = { attempts: 4, stallMs: 150, backoffMs: 1 };
let server: FileServer;

beforeAll(async () => {
  server = await startFileServer();
});
afterAll(() => server.close());
beforeEach(() => {
  server.files.set('/file', content);
  server.faults.length = 0;
  server.requests.length = 0;
});

const open = () => openHttp(`${server.url}/file`, quick);

test('ranges are read, and a request asks for the version that was opened', async () => {
  const source = await open();
  expect(source.size).toBe(5000);
  expect(await source.read(0, 5000)).toEqual(content);
  expect(await source.read(17, 4321)).toEqual(content.slice(17, 4321));
  expect(await source.read(20, 20)).toEqual(new Uint8Array());
  expect(server.requests.map(({ headers }) => headers.range)).toEqual(['bytes=0-0', 'bytes=0-4999', 'bytes=17-4320']);
  expect(server.requests[2]?.headers['if-match']).toBe(source.tag);
  await expect(source.read(4000, 5001)).rejects.toThrow('bytes 4000 to 5001 of a file of 5000 bytes');
});

test.each(['cut', 'stall', 'error 500', 'busy', 'other range'] as const)(
  'a passing failure is repeated: %s',
  async (fault) => {
    const source = await open();
    server.faults.push(fault, fault, null);
    expect(await source.read(100, 3100)).toEqual(content.slice(100, 3100));
    // What arrived before the connection ended is kept.
    const asked = server.requests.slice(1).map(({ headers }) => headers.range);
    const partial = fault === 'cut' || fault === 'stall';
    expect(asked).toEqual([
      'bytes=100-3099',
      ...(partial ? ['bytes=1600-3099', 'bytes=2350-3099'] : ['bytes=100-3099', 'bytes=100-3099']),
    ]);
  },
);

test('a failure that stays ends after some attempts, with the address', async () => {
  const source = await open();
  server.faults.push('error 500', 'error 500', 'error 500', 'error 500');
  await expect(source.read(0, 10)).rejects.toThrow(
    `${server.url}/file: the server answered 500 Internal Server Error (internal trouble); 4 attempts failed`,
  );
  server.faults.push('stall', 'stall', 'stall', 'stall');
  await expect(source.read(0, 100)).rejects.toThrow('nothing arrived for 0.15 seconds; 4 attempts failed');
});

test('a file that changes is an error, not other bytes', async () => {
  const source = await open();
  server.files.set(
    '/file',
    content.map((byte) => byte ^ 1),
  );
  await expect(source.read(0, 10)).rejects.toThrow(`${server.url}/file: changed while it was in use`);
});

test('servers without ranges, missing files and unknown servers are refused', async () => {
  server.faults.push('whole');
  await expect(open()).rejects.toThrow(
    'the server sends whole files only (200 instead of 206); download the file first',
  );
  const source = await open();
  server.faults.push('whole');
  await expect(source.read(1, 10)).rejects.toThrow('200 instead of 206');
  server.faults.push('whole');
  expect(await source.read(0, 5000)).toEqual(content);
  await expect(openHttp(`${server.url}/other`, quick)).rejects.toThrow(
    `${server.url}/other: the server answered 404 Not Found (no such file)`,
  );
  await expect(openHttp('http://127.0.0.1:1/file', { ...quick, attempts: 1 })).rejects.toThrow(
    /^http:\/\/127\.0\.0\.1:1\/file: fetch failed/,
  );
});

test('an empty file has no bytes', async () => {
  server.files.set('/empty', new Uint8Array());
  const source = await openHttp(`${server.url}/empty`, quick);
  expect(source.size).toBe(0);
});

test('reading can be given up', async () => {
  const source = await open();
  server.faults.push('stall');
  const controller = new AbortController();
  const reading = source.read(0, 1000, controller.signal);
  setTimeout(() => controller.abort(new Error('enough')), 20);
  await expect(reading).rejects.toThrow('enough');
});

test('addresses are expanded by braces only', async () => {
  const store = httpsStore(quick);
  expect(await store.list('https://host/a-{08..10}.tar')).toEqual(
    ['08', '09', '10'].map((k) => `https://host/a-${k}.tar`),
  );
  await expect(store.list('https://host/*.tar')).rejects.toThrow('a server does not list its files');
});
