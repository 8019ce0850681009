/** Saving and loading tokenizers as JSON files. */
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../io/atomic.ts';
import { exists, readProblem } from '../io/file-system.ts';
import { BytePairTokenizer } from './byte-pair-tokenizer.ts';
import { isOwnFormat, tokenizerFromJson } from './from-json.ts';
import { huggingFaceTokenizer } from './hugging-face/clip-files.ts';
import { HuggingFaceTokenizer } from './hugging-face/hugging-face-tokenizer.ts';
import { hasHuggingFaceTokenizer, loadHuggingFaceTokenizer } from './hugging-face/read-folder.ts';
import type { Tokenizer } from './tokenizer.ts';

/** Writes a tokenizer as JSON, atomically. */
export async function saveTokenizer(path: string, tokenizer: Tokenizer): Promise<void> {
  await writeFileAtomic(path, [`${JSON.stringify(tokenizer, null, 1)}\n`]);
}

/** Whether a folder contains a tokenizer that `loadTokenizer` finds. */
export const hasTokenizer = hasHuggingFaceTokenizer;

/**
 * Reads a tokenizer: a file of `saveTokenizer`, or one of Hugging Face's libraries (see `loadHuggingFaceTokenizer`).
 *
 * @param path a file, or a folder with `tokenizer.json` or another file of a tokenizer
 * @throws if the file is missing, damaged or not supported; the message contains the path and the reason
 */
export async function loadTokenizer(path: string): Promise<Tokenizer> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  const file = isFolder ? join(path, 'tokenizer.json') : path;
  if (!file.endsWith('.json') || (isFolder && !(await exists(file)))) return loadHuggingFaceTokenizer(path);
  try {
    const content: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (isOwnFormat(content)) return tokenizerFromJson(content);
  } catch (cause) {
    throw new Error(`${file}: ${readProblem(cause)}`, { cause });
  }
  return loadHuggingFaceTokenizer(path);
}

/** The files of a tokenizer: name to content. One that was read from such files has the same again. */
function filesFor(tokenizer: Tokenizer, contextLength: number): Readonly<Record<string, string | Uint8Array>> {
  if (tokenizer instanceof BytePairTokenizer) return huggingFaceTokenizer(tokenizer, contextLength);
  if (tokenizer instanceof HuggingFaceTokenizer) return tokenizer.fileContents();
  throw new Error('a tokenizer of your own cannot be written for Hugging Face: its files are not known');
}

/**
 * Writes a tokenizer for `CLIPTokenizer.from_pretrained(folder)` of Hugging Face's transformers; see `huggingFaceTokenizer`. Each file is
 * written atomically.
 *
 * @param contextLength the number of tokens at which the tokenizer truncates
 * @returns the paths of the files
 */
export async function saveHuggingFaceTokenizer(
  folder: string,
  tokenizer: Tokenizer,
  contextLength: number,
): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const paths: string[] = [];
  for (const [name, content] of Object.entries(filesFor(tokenizer, contextLength))) {
    const path = join(folder, name);
    await writeFileAtomic(path, [content]);
    paths.push(path);
  }
  return paths;
}
