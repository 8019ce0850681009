import { readFile } from 'node:fs/promises';
import { writeFileAtomic } from '../io/atomic.ts';
import { Tokenizer } from './tokenizer.ts';

/** Writes a tokenizer as JSON, whole or not at all. */
export async function saveTokenizer(path: string, tokenizer: Tokenizer): Promise<void> {
  await writeFileAtomic(path, [`${JSON.stringify(tokenizer, null, 1)}\n`]);
}

/** Reads what `saveTokenizer` wrote. Throws where the file is missing or damaged; the message names the path and the fault. */
export async function loadTokenizer(path: string): Promise<Tokenizer> {
  try {
    return Tokenizer.fromJSON(JSON.parse(await readFile(path, 'utf8')));
  } catch (cause) {
    throw new Error(`${path}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}
