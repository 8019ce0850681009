/** Saving and loading tokenizers as JSON files. */
import { readFile } from 'node:fs/promises';
import { writeFileAtomic } from '../io/atomic.ts';
import { errorMessage } from '../io/file-system.ts';
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
