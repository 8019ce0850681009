/** The pictures of a run: image files in its folder. */
import { promises as fs } from 'node:fs';
import { extname, join } from 'node:path';
import type { Picture } from '../shared/api.ts';

/** Media types by extension. SVG is left out, because it can contain scripts. */
export const pictureTypes: Readonly<Record<string, string>> = {
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.webp': 'image/webp',
  '.gif': 'image/gif',
  '.avif': 'image/avif',
};

/** A run's folder, and the folders in it that are searched. */
const deepest = 2;

/** Lists the pictures; links are left out, because they may lead out of the folder. The latest come first. */
export async function listPictures(folder: string): Promise<Picture[]> {
  const found: Picture[] = [];
  const visit = async (inner: string, depth: number): Promise<void> => {
    const entries = await fs.readdir(join(folder, inner), { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      const name = inner === '' ? entry.name : `${inner}/${entry.name}`;
      if (entry.isDirectory() && depth < deepest && entry.name !== 'checkpoints') await visit(name, depth + 1);
      if (!entry.isFile() || pictureTypes[extname(entry.name).toLowerCase()] === undefined) continue;
      const stat = await fs.stat(join(folder, name)).catch(() => null);
      if (stat !== null) found.push({ name, changed: stat.mtimeMs, bytes: stat.size });
    }
  };
  await visit('', 0);
  return found.sort((a, b) => b.changed - a.changed || a.name.localeCompare(b.name));
}
