/** Files of datasets on the Hugging Face hub: `hf://datasets/USER/NAME[@REVISION][/PATH]`. */
import { type HttpOptions, httpDefaults, openHttp, readHttpText, type Send } from './http.ts';
import { braceExpand, isWildcard, wildcardMatcher } from './pattern.ts';
import type { Environment } from './s3.ts';
import type { Store } from './source.ts';

interface HubAddress {
  /** USER/NAME, or NAME for the oldest datasets. */
  readonly repository: string;
  readonly revision: string;
  readonly path: string;
}

function parseAddress(url: string): HubAddress {
  const [, repository, revision, path = ''] =
    /^hf:\/\/datasets\/([^/@]+(?:\/[^/@]+)?)(?:@([^/]+))?(?:\/(.*))?$/.exec(url) ?? [];
  if (repository === undefined) throw new Error(`${url}: is not an address like hf://datasets/USER/NAME@REVISION/PATH`);
  return { repository, revision: decodeURIComponent(revision ?? 'main'), path };
}

/** A file name in the list of a repository. */
interface TreeEntry {
  readonly type: string;
  readonly path: string;
}

/** Kinds of files that hold rows. */
const dataEndings = ['.parquet', '.tar', '.arrow'] as const;

/** Signs in with HF_TOKEN, at the hub only: its answers can lead to other servers, which `fetch` does not tell the token. */
const authorized = ({ HF_TOKEN: token }: Environment, send: Send): Send =>
  token === undefined || token === ''
    ? send
    : (url, headers, signal) => send(url, { ...headers, authorization: `Bearer ${token}` }, signal);

const nextPage = (headers: Headers): string | null =>
  /<([^>]+)>;\s*rel="next"/.exec(headers.get('link') ?? '')?.[1] ?? null;

/** The store of hub addresses. Environment: HF_TOKEN for private datasets, HF_ENDPOINT for another hub. */
export function hubStore(environment: Environment = process.env, options: Partial<HttpOptions> = {}): Store {
  const endpoint = (environment.HF_ENDPOINT ?? 'https://huggingface.co').replace(/\/$/, '');
  const http = { ...options, send: authorized(environment, options.send ?? httpDefaults.send) };

  async function readJson(url: string, title: string): Promise<{ json: unknown; next: string | null }> {
    const { text, headers } = await readHttpText(url, http, title);
    try {
      return { json: JSON.parse(text), next: nextPage(headers) };
    } catch {
      throw new Error(`${title}: the hub's answer is not JSON: ${text.slice(0, 100)}`);
    }
  }

  /** The commit that a branch or tag is at now, so that all files come from one state of the dataset. */
  async function commitOf({ repository, revision }: HubAddress, title: string): Promise<string> {
    if (/^[0-9a-f]{40}$/.test(revision)) return revision;
    const url = `${endpoint}/api/datasets/${repository}/revision/${encodeURIComponent(revision)}`;
    const { json } = await readJson(url, title);
    const sha = (json as { sha?: unknown } | null)?.sha;
    if (typeof sha !== 'string') throw new Error(`${title}: the hub does not say which commit ${revision} is`);
    return sha;
  }

  async function filesAt({ repository }: HubAddress, commit: string, title: string): Promise<string[]> {
    const files: string[] = [];
    let url: string | null = `${endpoint}/api/datasets/${repository}/tree/${commit}?recursive=true`;
    while (url !== null) {
      const { json, next }: { json: unknown; next: string | null } = await readJson(url, title);
      for (const { type, path } of json as TreeEntry[]) if (type === 'file') files.push(path);
      url = next;
    }
    return files.sort();
  }

  return {
    async list(pattern) {
      const address = parseAddress(pattern);
      const commit = await commitOf(address, pattern);
      const full = (path: string): string => `hf://datasets/${address.repository}@${commit}/${path}`;
      const wanted = braceExpand(address.path);
      if (address.path !== '' && !wanted.some(isWildcard) && /\.\w+$/.test(address.path)) return wanted.map(full);
      const files = await filesAt(address, commit, pattern);
      const folder = address.path === '' || address.path.endsWith('/') ? address.path : `${address.path}/`;
      const inFolder = (path: string): boolean =>
        path.startsWith(folder) && dataEndings.some((ending) => path.endsWith(ending));
      const found = wanted.some(isWildcard)
        ? wanted.flatMap((each) => files.filter(wildcardMatcher(each)))
        : files.filter(inFolder);
      if (found.length === 0)
        throw new Error(
          `${pattern}: matches none of the dataset's ${files.length} files (${files.slice(0, 5).join(', ')}${files.length > 5 ? ', ...' : ''}); ${dataEndings.join(', ')} are read`,
        );
      return found.map(full);
    },
    async open(url) {
      const { repository, revision, path } = parseAddress(url);
      const encoded = path.split('/').map(encodeURIComponent).join('/');
      return openHttp(
        `${endpoint}/datasets/${repository}/resolve/${encodeURIComponent(revision)}/${encoded}`,
        http,
        url,
      );
    },
  };
}
