/** The tokenizer of CLIP weights that were trained elsewhere. */
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { clipVocabularySize, hasTokenizer, loadClipTokenizer, loadTokenizer, type Tokenizer } from '@tessera/data';
import { exists, readProblem } from '@tessera/data/io';

/** @throws where CLIP's text tower cannot use it: it reads the token with the largest id, which has to be the end of each text */
function requireClipTokenizer(tokenizer: Tokenizer, tokens: number, path: string): void {
  const { vocabSize, endToken, padsLeft } = tokenizer;
  const problems = [
    ...(vocabSize > tokens ? [`has ${vocabSize} tokens, but the text tower ${tokens}`] : []),
    ...(endToken === vocabSize - 1
      ? []
      : [
          `ends a text with ${endToken === null ? 'no token' : `the token ${endToken}`}, but CLIP needs the largest, ${vocabSize - 1}`,
        ]),
    ...(padsLeft ? ['pads on the left, but CLIP needs padding on the right'] : []),
  ];
  if (problems.length > 0) throw new Error(`${path}: the tokenizer ${problems.join('; it ')}`);
}

/** Whether a folder of OpenCLIP says that its text tower reads the tokenizer in it: otherwise OpenCLIP takes OpenAI's. */
async function openClipUsesIt(config: string): Promise<boolean> {
  try {
    const { model_cfg: model } = JSON.parse(await readFile(config, 'utf8'));
    const name: unknown = model?.text_cfg?.hf_tokenizer_name;
    return typeof name === 'string' && name !== '';
  } catch (cause) {
    throw new Error(`${config}: ${readProblem(cause)}`, { cause });
  }
}

/**
 * The tokenizer in the folder of a model: that of Hugging Face's files, or of a run. One that OpenCLIP does not use is not read.
 *
 * @param path a folder, or a file of weights, which belongs to its folder if a config.json or open_clip_config.json is there
 * @param tokens the number of tokens of the text tower
 * @returns null if there is none
 * @throws where it is damaged, or CLIP cannot use it
 */
export async function tokenizerBeside(path: string, tokens: number): Promise<Tokenizer | null> {
  const isFolder = (await stat(path)).isDirectory();
  const folder = isFolder ? path : dirname(path);
  const openClip = join(folder, 'open_clip_config.json');
  const isOpenClip = await exists(openClip);
  const owns = isFolder || isOpenClip || (await exists(join(folder, 'config.json')));
  if (!owns || !(await hasTokenizer(folder))) return null;
  if (isOpenClip && !(await openClipUsesIt(openClip))) return null;
  const tokenizer = await loadTokenizer(folder);
  requireClipTokenizer(tokenizer, tokens, folder);
  return tokenizer;
}

/** As `tokenizerBeside`; where there is none, OpenAI's if the text tower has that number of tokens. */
export const findClipTokenizer = async (path: string, tokens: number): Promise<Tokenizer | null> =>
  (await tokenizerBeside(path, tokens)) ?? (tokens === clipVocabularySize ? loadClipTokenizer() : null);
