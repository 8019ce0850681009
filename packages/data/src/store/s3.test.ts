// S3: signed requests, lists over several pages, and addresses of other servers, with a local server in the place of S3.
import { AwsV4Signer } from 'aws4fetch';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FileServer, startFileServer } from '../testing/file-server.ts';
import { s3Store } from './s3.ts';

const keys = { AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'secret', AWS_REGION: 'eu-north-1' };
const names = ['data/00000.tar', 'data/00001.tar', 'data/a & b+c.tar', 'data/notes.txt', 'data/sub/00002.tar'];
const quick = { attempts: 2, stallMs: 1000, backoffMs: 1 };
let server: FileServer;

/** ListObjectsV2, two keys at a time. */
function list(url: URL): { body: string } | null {
  if (url.pathname !== '/bucket') return null;
  const found = names.filter((name) => name.startsWith(url.searchParams.get('prefix') ?? ''));
  const from = Number(url.searchParams.get('continuation-token') ?? 0);
  const contents = found
    .slice(from, from + 2)
    .map((name) => `<Contents><Key>${name.replace('&', '&amp;')}</Key></Contents>`);
  const next = from + 2 < found.length ? `<NextContinuationToken>${from + 2}</NextContinuationToken>` : '';
  return { body: `<ListBucketResult>${contents.join('')}${next}</ListBucketResult>` };
}

beforeAll(async () => {
  server = await startFileServer(
    Object.fromEntries(names.map((name) => [`/bucket/${name}`, new TextEncoder().encode(name)])),
  );
  server.answer = list;
});
afterAll(() => server.close());

test('patterns match keys from all pages of the list', async () => {
  const store = s3Store({ ...keys, AWS_ENDPOINT_URL: server.url }, quick);
  expect(await store.list('s3://bucket/data/*.tar')).toEqual(names.slice(0, 3).map((name) => `s3://bucket/${name}`));
  expect(await store.list('s3://bucket/data/**/*.tar')).toHaveLength(4);
  expect(await store.list('s3://bucket/data/{00000..00001}.tar')).toHaveLength(2);
  await expect(store.list('s3://bucket/other/*.tar')).rejects.toThrow('matches no file in the bucket');
});

test('files are read with a signature that S3 accepts, from the endpoint in the address', async () => {
  const query = `?endpoint=${server.url}`;
  const store = s3Store(keys, quick);
  const [url] = await store.list(`s3://bucket/data/a*.tar${query}`);
  expect(url).toBe(`s3://bucket/data/a & b+c.tar${query}`);
  const source = await store.open(url as string);
  expect(new TextDecoder().decode(await source.read(0, source.size))).toBe('data/a & b+c.tar');
  const { path, headers } = server.requests.at(-1) as FileServer['requests'][number];
  const signer = new AwsV4Signer({
    url: `${server.url}${path}`,
    headers: { 'if-match': headers['if-match'] as string },
    accessKeyId: 'key',
    secretAccessKey: 'secret',
    service: 's3',
    region: 'eu-north-1',
    datetime: headers['x-amz-date'] as string,
  });
  const expected = (await signer.sign()).headers.get('authorization');
  expect(headers.authorization).toBe(expected);
  expect(headers.authorization).toContain('/eu-north-1/s3/aws4_request');
});

test('without keys the requests are not signed; wrong addresses are explained', async () => {
  const store = s3Store({ AWS_ENDPOINT_URL: server.url }, quick);
  await store.open('s3://bucket/data/00000.tar');
  expect(server.requests.at(-1)?.headers.authorization).toBeUndefined();
  await expect(store.list('s3://')).rejects.toThrow('is not an address like s3://BUCKET/KEY');
  await expect(store.list('s3://bucket/a?region=x&acl=y')).rejects.toThrow('the parameter acl is unknown');
  await expect(store.open('s3://bucket/nothing')).rejects.toThrow('s3://bucket/nothing: the server answered 404');
});
