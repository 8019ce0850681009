/** The stores by the beginning of an address. */
import { diskCacheOf } from './disk-cache.ts';
import { fileStore } from './file.ts';
import { hubStore } from './hf.ts';
import { httpsStore } from './https.ts';
import { s3Store } from './s3.ts';
import type { Store } from './source.ts';

export { isPattern } from './pattern.ts';

/** What makes the store of an address, by its scheme. */
const stores: Readonly<Record<string, () => Store>> = {
  file: () => fileStore,
  http: () => httpsStore(),
  https: () => httpsStore(),
  s3: () => s3Store(),
  hf: () => hubStore(),
};

const schemeOf = (url: string): string | undefined => /^([a-z][a-z0-9+]*):\/\//i.exec(url)?.[1]?.toLowerCase();

/** Whether a text is an address of another kind than a path. */
export const isAddress = (text: string): boolean => schemeOf(text) !== undefined;

/** The store of an address or path; files of other machines are kept in the folder TESSERA_CACHE, if that is set. @throws for a scheme that is not known; the message lists them */
export function storeOf(url: string): Store {
  const scheme = schemeOf(url) ?? 'file';
  const create = Object.hasOwn(stores, scheme) ? stores[scheme] : undefined;
  if (create === undefined)
    throw new Error(
      `${url}: ${scheme}:// is not known; ${Object.keys(stores)
        .map((name) => `${name}://`)
        .join(', ')} and paths are`,
    );
  const store = create();
  if (scheme === 'file') return store;
  const cache = diskCacheOf(process.env);
  if (cache === null) return store;
  return { ...store, open: async (address) => cache.wrap(await store.open(address)) };
}
