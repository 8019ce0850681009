/** Finding and reading the files of a tokenizer in a folder of Hugging Face's libraries. */
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errorMessage, exists, readProblem } from '../../io/file-system.ts';
import { HuggingFaceTokenizer } from './hugging-face-tokenizer.ts';
import type { TokenizerFiles } from './settings.ts';

const files = {
  tokenizer: 'tokenizer.json',
  sentencePiece: 'spiece.model',
  vocab: 'vocab.json',
  merges: 'merges.txt',
  config: 'tokenizer_config.json',
  specialTokens: 'special_tokens_map.json',
  model: 'config.json',
} as const;

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new Error(`${path}: ${readProblem(cause)}`, { cause });
  }
}

const jsonIn = async (folder: string, name: string): Promise<unknown> =>
  (await exists(join(folder, name))) ? readJson(join(folder, name)) : undefined;

/** The kind of model in `config.json`, such as `siglip`. */
function modelTypeOf(config: unknown): string | undefined {
  const type = typeof config === 'object' && config !== null ? (config as { model_type?: unknown }).model_type : null;
  return typeof type === 'string' ? type : undefined;
}

/** @param only the file that decides the ids; null: all of a folder */
async function filesIn(folder: string, only: string | null): Promise<TokenizerFiles> {
  const wants = (name: string): Promise<boolean> =>
    only === null || only === name ? exists(join(folder, name)) : Promise.resolve(false);
  const [config, specialTokens, model] = await Promise.all(
    [files.config, files.specialTokens, files.model].map((name) => jsonIn(folder, name)),
  );
  const modelType = modelTypeOf(model);
  const hasMerges = (await wants(files.vocab)) && (await exists(join(folder, files.merges)));
  return {
    ...((await wants(files.tokenizer)) ? { tokenizer: await readJson(join(folder, files.tokenizer)) } : {}),
    ...((await wants(files.sentencePiece))
      ? { sentencePiece: (await readFile(join(folder, files.sentencePiece))).toString('base64') }
      : {}),
    ...(hasMerges
      ? {
          vocabulary: {
            vocab: await readJson(join(folder, files.vocab)),
            merges: (await readFile(join(folder, files.merges), 'utf8')).split(/\r?\n/),
          },
        }
      : {}),
    ...(config === undefined ? {} : { config }),
    ...(specialTokens === undefined ? {} : { specialTokens }),
    ...(modelType === undefined ? {} : { modelType }),
  };
}

const idFiles: readonly string[] = [files.tokenizer, files.sentencePiece, files.vocab];

/** Whether a folder contains the files of a tokenizer. */
export async function hasHuggingFaceTokenizer(folder: string): Promise<boolean> {
  for (const name of idFiles) if (await exists(join(folder, name))) return true;
  return false;
}

/**
 * Reads a tokenizer of Hugging Face's libraries: CLIP's, SigLIP's, SigLIP 2's, or another whose `tokenizer.json` has supported parts. Its
 * ids are those of transformers.
 *
 * @param path a folder with `tokenizer.json`, `spiece.model`, or `vocab.json` and `merges.txt`, or one of these files; the files
 *   `tokenizer_config.json`, `special_tokens_map.json` and `config.json` next to it are read, too
 * @throws where there is none, where a file is damaged, or where a part is not supported; the message names the file and the part
 */
export async function loadHuggingFaceTokenizer(path: string): Promise<HuggingFaceTokenizer> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new Error(`${path}: ${readProblem(cause)}`, { cause });
  });
  const folder = found.isDirectory() ? path : dirname(path);
  const only = found.isDirectory() ? null : basename(path);
  if (only !== null && !idFiles.includes(only))
    throw new Error(`${path}: is not the file of a tokenizer; expected ${idFiles.join(', ')}, or a folder with one`);
  if (only === null && !(await hasHuggingFaceTokenizer(folder)))
    throw new Error(`${path}: contains no tokenizer (looked for ${idFiles.join(', ')})`);
  const content = await filesIn(folder, only);
  try {
    return new HuggingFaceTokenizer(content);
  } catch (cause) {
    throw new Error(`${path}: ${errorMessage(cause)}`, { cause });
  }
}
