/** Writing a model as a folder that another library loads: weights, configuration, preprocessing, tokenizer and README. */
import { promises as fs } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import {
  BytePairTokenizer,
  clipVocabularySize,
  loadClipTokenizer,
  saveHuggingFaceTokenizer,
  type Tokenizer,
} from '@tessera/data';
import { writeFileAtomic } from '@tessera/data/io';
import { CLIP } from '@tessera/models';
import { findRun } from '@tessera/train';
import { type FolderLibrary, type FolderModel, modelCard } from '@tessera/train/model-card';
import { saveWeights, type WeightNames } from '@tessera/weights';
import { toCaller } from '../call.ts';
import { UsageError } from '../command.ts';
import { dataOf, resultsOf } from './card.ts';
import type { Source } from './source.ts';

/** Whether OpenCLIP has the tokenizer built in: it is OpenAI's. */
async function isBuiltIn(tokenizer: Tokenizer): Promise<boolean> {
  if (!(tokenizer instanceof BytePairTokenizer) || tokenizer.vocabSize !== clipVocabularySize) return false;
  const own = await loadClipTokenizer();
  return JSON.stringify(own) === JSON.stringify(tokenizer);
}

/** Hugging Face's file of a tokenizer has the name of Tessera's, which a run needs, and README.md may be the user's. */
export async function refuseRunFolder(out: string): Promise<void> {
  const run = await findRun(out);
  if (run !== null && resolve(run.tokenizer) === resolve(join(out, 'tokenizer.json')))
    throw new UsageError(
      `${toCaller(out)} is a run's folder, whose tokenizer.json would be replaced: choose another OUT`,
    );
}

/** What the model computes, for the card. */
const folderModelOf = ({ model, classNames, run }: Source): FolderModel =>
  model instanceof CLIP ? 'clip' : classNames !== null || run?.subject.image?.head ? 'classifier' : 'features';

/**
 * Writes the README of a folder. One that is there already and was not written by Tessera is left as it is.
 *
 * @returns its path; null where it was left
 */
export async function writeCard(
  out: string,
  library: FolderLibrary,
  source: Source,
  commands: readonly string[],
): Promise<string | null> {
  const path = join(out, 'README.md');
  const old = await fs.readFile(path, 'utf8').catch(() => null);
  if (old !== null && !old.includes('\n- tessera\n')) return null;
  const { run, model, classNames, multiLabel, preprocessing } = source;
  const folder = basename(resolve(out));
  await writeFileAtomic(path, [
    modelCard({
      title: folder,
      library,
      model: folderModelOf(source),
      folder,
      facts: run?.subject.facts ?? { Parameters: model.parameterCount() },
      classNames,
      multiLabel,
      data: run === null ? null : await dataOf(run),
      results: run === null ? [] : await resultsOf(run),
      preprocessing:
        preprocessing === null ? null : { imageSize: preprocessing.imageSize, ...preprocessing.normalization },
      commands,
    }),
  ]);
  return path;
}

/** The libraries whose folders have weights under their names. */
export type WeightLibrary = Exclude<FolderLibrary, 'onnx'>;

/** What is written into a folder besides the weights and their configuration. */
interface FolderTokenizer {
  readonly tokenizer: Tokenizer;
  readonly contextLength: number;
}

/** The tokenizer that the folder needs; null: none, or the library has it. */
async function tokenizerFor(library: FolderLibrary, { text }: Source): Promise<FolderTokenizer | null> {
  if (text === undefined || library === 'timm') return null;
  return library === 'open-clip' && (await isBuiltIn(text.tokenizer)) ? null : text;
}

/** @returns lines that say what was written */
export async function writeFolder(
  out: string,
  library: WeightLibrary,
  source: Source,
  options: { readonly maxShardSize?: number },
  commands: readonly string[],
): Promise<string[]> {
  await refuseRunFolder(out);
  const tokenizer = await tokenizerFor(library, source);
  const { classNames, multiLabel, preprocessing } = source;
  const { names, files } = await saveWeights(source.model, out, {
    names: library satisfies WeightNames,
    ...{ classNames, multiLabel, preprocessing, ownTokenizer: tokenizer !== null },
    ...options,
  });
  const lines = [`written with the names of ${names}: ${files.map(toCaller).join(', ')}`];
  if (tokenizer !== null) {
    const paths = await saveHuggingFaceTokenizer(out, tokenizer.tokenizer, tokenizer.contextLength);
    lines.push(`tokenizer for CLIPTokenizer: ${paths.map(toCaller).join(', ')}`);
  }
  const card = await writeCard(out, library, source, commands);
  lines.push(
    card === null
      ? `${toCaller(join(out, 'README.md'))} is your own and was left as it is`
      : `model card: ${toCaller(card)}`,
  );
  if (preprocessing === null)
    lines.push('how images become the input is not known to the file, so no preprocessing was written');
  return lines;
}
