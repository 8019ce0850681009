/** The files of a folder: which are images, by name or by content, and which are not. */
import fsp from 'node:fs/promises';
import path from 'node:path';
import { imageFormat } from '../image/format.ts';
import { readProblem } from '../io/file-system.ts';

/** A file or folder, or what a symbolic link leads to. */
export interface FolderItem {
  name: string;
  isFolder: boolean;
}

/** File name extensions of images. Those that cannot be decoded are reported when they are read. */
const imageEndings = new Set(
  'png jpg jpeg jpe jfif webp gif avif heic heif tif tiff svg bmp dib pbm pgm ppm pnm jp2 jxl'
    .split(' ')
    .map((name) => `.${name}`),
);

export const isImageName = (name: string): boolean => imageEndings.has(path.extname(name).toLowerCase());

/** Whether a folder or one below it has an image. */
export async function hasImages(folder: string, depth = 0): Promise<boolean> {
  const items = await listFolder(folder);
  for (const { name, isFolder } of items)
    if (!isFolder && (await isImageFile(name, path.join(folder, name)))) return true;
  for (const { name, isFolder } of items)
    if (isFolder && depth < deepest && (await hasImages(path.join(folder, name), depth + 1))) return true;
  return false;
}

/** More levels are not looked at to find an image. A symbolic link to a folder above would be followed without end. */
const deepest = 8;

/** The content of a folder without hidden files, sorted by name. Symbolic links are followed. */
export async function listFolder(folder: string): Promise<FolderItem[]> {
  const entries = await fsp.readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw new Error(`${folder}: ${readProblem(error, 'folder')}`);
  });
  const visible = entries.filter(({ name }) => !name.startsWith('.')).sort((a, b) => (a.name < b.name ? -1 : 1));
  return Promise.all(
    visible.map(async (entry) => {
      const { name } = entry;
      const isFolder = entry.isSymbolicLink()
        ? ((await fsp.stat(path.join(folder, name)).catch(() => null))?.isDirectory() ?? false)
        : entry.isDirectory();
      return { name, isFolder };
    }),
  );
}

export const subfolders = async (folder: string): Promise<string[]> =>
  (await listFolder(folder)).filter(({ isFolder }) => isFolder).map(({ name }) => name);

/** Images of a folder, and its other files with the reason why they are none. Paths are relative to the root. */
export interface ImageListing {
  images: string[];
  others: { file: string; reason: string }[];
}

/**
 * The images in a folder and its sub-folders.
 *
 * @param isImage by file name and path, whether a file is an image; default: by its ending, or else by its first bytes
 */
export async function imagesBelow(
  root: string,
  folder: string,
  isImage: (name: string, file: string) => boolean | Promise<boolean> = isImageFile,
): Promise<ImageListing> {
  const images: string[] = [];
  const others: ImageListing['others'] = [];
  // A symbolic link to a folder above would be followed without end.
  const visit = async (inner: string, above: readonly string[]): Promise<void> => {
    const real = await fsp.realpath(path.join(root, inner));
    if (above.includes(real)) {
      others.push({ file: inner, reason: 'is a symbolic link to a folder that contains it' });
      return;
    }
    for (const { name, isFolder } of await listFolder(path.join(root, inner))) {
      const file = path.join(inner, name);
      if (isFolder) await visit(file, [...above, real]);
      else if (await isImage(name, path.join(root, file))) images.push(file);
      else others.push({ file, reason: 'is not an image' });
    }
  };
  await visit(folder, []);
  return { images, others };
}

const isImageFile = async (name: string, file: string): Promise<boolean> =>
  isImageName(name) || imageFormat(await firstBytes(file)) !== null;

/** Enough bytes to find the format. None where the file cannot be read. */
async function firstBytes(file: string): Promise<Uint8Array> {
  const handle = await fsp.open(file).catch(() => null);
  if (handle === null) return new Uint8Array();
  try {
    const { buffer, bytesRead } = await handle.read(new Uint8Array(4096), 0, 4096, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
