/** Files in buckets of S3 and stores that speak its protocol (R2, GCS with HMAC keys, MinIO): `s3://BUCKET/KEY?endpoint=URL`. */
import { AwsClient } from 'aws4fetch';
import { type HttpOptions, openHttp, readHttpText, type Send } from './http.ts';
import { braceExpand, fixedPrefix, isWildcard, wildcardMatcher } from './pattern.ts';
import type { Store } from './source.ts';

/** The environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION, AWS_ENDPOINT_URL. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** An address in a bucket. */
interface S3Address {
  readonly bucket: string;
  readonly key: string;
  /** The query, which is repeated in the addresses of listed files. */
  readonly query: string;
  /** The address of the bucket, without a slash at its end. */
  readonly base: string;
  readonly region: string;
}

function parseAddress(url: string, environment: Environment): S3Address {
  const [, bucket, key = '', query = ''] = /^s3:\/\/([^/?]+)(?:\/([^?]*))?(\?.*)?$/.exec(url) ?? [];
  if (bucket === undefined) throw new Error(`${url}: is not an address like s3://BUCKET/KEY`);
  const parameters = new URLSearchParams(query);
  const unknown = [...parameters.keys()].find((name) => name !== 'endpoint' && name !== 'region');
  if (unknown !== undefined)
    throw new Error(`${url}: the parameter ${unknown} is unknown; endpoint and region are known`);
  const region = parameters.get('region') ?? environment.AWS_REGION ?? environment.AWS_DEFAULT_REGION ?? 'us-east-1';
  const endpoint = (
    parameters.get('endpoint') ??
    environment.AWS_ENDPOINT_URL_S3 ??
    environment.AWS_ENDPOINT_URL ??
    `https://s3.${region}.amazonaws.com`
  ).replace(/\/$/, '');
  return { bucket, key, query, base: `${endpoint}/${bucket}`, region };
}

/** Signs requests with the keys in the environment; without keys, they are sent as they are, which public buckets accept. */
function signing(environment: Environment, region: string, send: Send): Send {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = environment;
  if (accessKeyId === undefined || secretAccessKey === undefined) return send;
  const token = environment.AWS_SESSION_TOKEN;
  const sessionToken = token === undefined ? {} : { sessionToken: token };
  const client = new AwsClient({ accessKeyId, secretAccessKey, ...sessionToken, service: 's3', region });
  return async (url, headers, signal) => {
    const request = await client.sign(url, { headers });
    return send(url, Object.fromEntries(request.headers), signal);
  };
}

const keyPath = (key: string): string => key.split('/').map(encodeURIComponent).join('/');

const xmlEntities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
const unescapeXml = (text: string): string =>
  text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal, hex, name) =>
    name !== undefined
      ? (xmlEntities[name] ?? whole)
      : String.fromCodePoint(decimal !== undefined ? Number(decimal) : Number.parseInt(hex, 16)),
  );
const elements = (xml: string, name: string): string[] =>
  [...xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'))].map(([, text]) => unescapeXml(text as string));

/** The store of S3 addresses. */
export function s3Store(environment: Environment = process.env, options: Partial<HttpOptions> = {}): Store {
  const optionsOf = ({ region }: S3Address): Partial<HttpOptions> => ({
    ...options,
    send: signing(environment, region, options.send ?? ((url, headers, signal) => fetch(url, { headers, signal }))),
  });
  /** The keys that start with a prefix, from as many answers as it takes (ListObjectsV2). */
  async function keysBelow(address: S3Address, prefix: string, title: string): Promise<string[]> {
    const keys: string[] = [];
    let token: string | undefined;
    do {
      const query = new URLSearchParams({ 'list-type': '2', prefix });
      if (token !== undefined) query.set('continuation-token', token);
      const { text } = await readHttpText(`${address.base}?${query}`, optionsOf(address), title);
      keys.push(...elements(text, 'Key'));
      token = elements(text, 'NextContinuationToken')[0];
    } while (token !== undefined);
    return keys.sort();
  }
  return {
    async list(pattern) {
      const address = parseAddress(pattern, environment);
      const found: string[] = [];
      for (const each of braceExpand(address.key)) {
        if (!isWildcard(each)) found.push(each);
        else found.push(...(await keysBelow(address, fixedPrefix(each), pattern)).filter(wildcardMatcher(each)));
      }
      if (found.length === 0) throw new Error(`${pattern}: matches no file in the bucket`);
      return found.map((key) => `s3://${address.bucket}/${key}${address.query}`);
    },
    async open(url) {
      const address = parseAddress(url, environment);
      return openHttp(`${address.base}/${keyPath(address.key)}`, optionsOf(address), url);
    },
  };
}
