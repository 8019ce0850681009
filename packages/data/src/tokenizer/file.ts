/** Saving and loading tokenizers as JSON files. */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../io/atomic.ts';
import { errorMessage } from '../io/file-system.ts';
import { huggingFaceTokenizer } from './hugging-face.ts';
import { Tokenizer } from './tokenizer.ts';

/** Writes a tokenizer as JSON, atomically. */
export async function saveTokenizer(path: string, tokenizer: Tokenizer): Promise<void> {
  await writeFileAtomic(path, [`${JSON.stringify(tokenizer, null, 1)}\n`]);
}

/** Reads a tokenizer that `saveTokenizer` wrote. @throws if the file is missing or damaged; the message contains the path and the reason. */
export async function loadTokenizer(path: string): Promise<Tokenizer> {
  try {
    return Tokenizer.fromJSON(JSON.parse(await readFile(path, 'utf8')));
  } catch (cause) {
    throw new Error(`${path}: ${errorMessage(cause)}`, { cause });
  }
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
  for (const [name, content] of Object.entries(huggingFaceTokenizer(tokenizer, contextLength))) {
    const path = join(folder, name);
    await writeFileAtomic(path, [content]);
    paths.push(path);
  }
  return paths;
}
