/** Checks the built site: each link within it leads to a page and a place on it, and nothing is loaded from another host. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const dist = fileURLToPath(new URL('../dist', import.meta.url));
const base = process.env.TESSERA_DOCS_BASE ?? '/';

const pages = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.html'));
if (pages.length === 0) throw new Error('site/dist has no pages: npm run docs:build makes them');
const texts = new Map(pages.map((page) => [page, readFileSync(join(dist, page), 'utf8')]));
const idsOf = (page: string): Set<string> =>
  new Set([...(texts.get(page) ?? '').matchAll(/\sid="([^"]+)"/g)].map(([, id = '']) => id));
const ids = new Map(pages.map((page) => [page, idsOf(page)]));

const decoded = (text: string): string => decodeURIComponent(text.replaceAll('&amp;', '&'));

/** The file of an address; a folder is its index. */
function fileOf(page: string, path: string): string {
  const within = path.startsWith(base) ? path.slice(base.length) : join(dirname(page), path);
  const target = path === '' ? page : relative(dist, join(dist, within));
  return target === '' || path.endsWith('/') ? join(target, 'index.html') : target;
}

/** Why a link leads nowhere; null if it is right. */
function faultOf(page: string, link: string): string | null {
  const [path = '', anchor = ''] = decoded(link).split('#');
  const target = fileOf(page, path);
  if (!existsSync(join(dist, target))) return `${page}: ${link}: there is no ${target}`;
  if (anchor === '' || !target.endsWith('.html') || ids.get(target)?.has(anchor)) return null;
  return `${page}: ${link}: ${target} has no such place`;
}

const faults = [...texts].flatMap(([page, text]) => {
  const links = [...text.matchAll(/<a\s[^>]*?href="([^"]*)"/g)].map(([, link = '']) => link);
  const loaded = [...text.matchAll(/<(?:script|link|img)\s[^>]*?(?:src|href)="((?:https?:)?\/\/[^"]*)"/g)].map(
    ([, address = '']) => `${page}: loads ${address} from another host`,
  );
  const within = links.filter((link) => !/^(?:[a-z]+:|\/\/)/.test(link));
  return [...new Set([...within.map((link) => faultOf(page, link)).filter((fault) => fault !== null), ...loaded])];
});
for (const fault of faults) console.error(fault);
console.log(`${pages.length} pages, ${faults.length} faults in their links`);
process.exitCode = faults.length === 0 ? 0 : 1;
