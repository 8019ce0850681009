/** The files of the page: built once from its sources, or those of the published package. */
import { createHash } from 'node:crypto';
import { promises as fs } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exists } from '@tessera/data/io';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

interface PageFile {
  readonly type: string;
  readonly content: Buffer;
}

/** Files by their address, with a slash at the beginning; `/` is the page itself. */
export type PageFiles = ReadonlyMap<string, PageFile>;

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The page's files in memory. Sources are built if they have changed since they were built last. */
export async function pageFiles(): Promise<PageFiles> {
  const isSource = await exists(join(root, 'vite.config.ts'));
  const folder = join(root, 'dist', 'page');
  if (isSource) await buildIfChanged(folder);
  const files = new Map<string, PageFile>();
  for (const name of await fs.readdir(folder, { recursive: true })) {
    const type = types[extname(name)];
    if (type === undefined) continue;
    const file = { type, content: await fs.readFile(join(folder, name)) };
    files.set(`/${name.replaceAll('\\', '/')}`, file);
    if (name === 'index.html') files.set('/', file);
  }
  return files;
}

/** Identifies the sources of the page. */
async function sourceStamp(): Promise<string> {
  const hash = createHash('sha256');
  const shared = join(root, '..', 'train', 'src');
  const folders = ['src/page', 'src/shared'].map((name) => join(root, name));
  folders.push(join(shared, 'report'), join(shared, 'sweep'));
  for (const folder of folders)
    for (const name of (await fs.readdir(folder, { recursive: true }).catch(() => [])).sort()) {
      const stat = await fs.stat(join(folder, name));
      if (stat.isFile()) hash.update(`${name} ${stat.size} ${stat.mtimeMs}\n`);
    }
  for (const name of ['index.html', 'vite.config.ts']) hash.update(await fs.readFile(join(root, name)));
  return hash.digest('hex');
}

async function buildIfChanged(folder: string): Promise<void> {
  const stampPath = join(folder, 'stamp');
  const stamp = await sourceStamp();
  if ((await fs.readFile(stampPath, 'utf8').catch(() => '')) === stamp) return;
  const { build } = await import('vite');
  // Another process may build at the same time: each into its own folder.
  const own = `${folder}-${process.pid}`;
  await build({
    configFile: join(root, 'vite.config.ts'),
    logLevel: 'error',
    build: { outDir: own, emptyOutDir: true },
  });
  await fs.writeFile(join(own, 'stamp'), stamp);
  await fs.rm(folder, { recursive: true, force: true });
  await fs.rename(own, folder).catch(() => fs.rm(own, { recursive: true, force: true }));
}
