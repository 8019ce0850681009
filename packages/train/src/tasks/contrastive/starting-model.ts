/** What a CLIP run starts from instead of random values. */
import { clipVocabularySize, loadClipTokenizer, loadTokenizer, type Tokenizer } from '@tessera/data';
import { exists } from '@tessera/data/io';
import type { CLIP } from '@tessera/models';
import type { Tensor } from '@tessera/tensor';
import { readModelState } from '../../run-folder/model-state.ts';
import { findRun } from '../../run-folder/run-folder.ts';
import { type ImageTowerFile, loadImageTower, readImageTower } from '../image-tower-file.ts';
import type { ContrastiveConfig } from './settings.ts';

/** What a new CLIP run starts from instead of random values. */
export type StartingModel =
  | { readonly parts: 'image'; readonly tower: ImageTowerFile }
  | {
      readonly parts: 'all';
      readonly path: string;
      readonly state: ReadonlyMap<string, Tensor>;
      /** The words that the text tower knows; null where the file does not lie in a run's folder. */
      readonly tokenizer: Tokenizer | null;
    };

/** Reads what `initialize` names. Null: from scratch. @throws where there is no such run or file */
export async function readStartingModel({ initialize }: ContrastiveConfig): Promise<StartingModel | null> {
  const { checkpoint, parts } = initialize;
  if (checkpoint === null) return null;
  switch (parts) {
    case 'image':
      return { parts, tower: await readImageTower(checkpoint) };
    case 'all': {
      const { path, state } = await readModelState(checkpoint);
      return { parts, path, state, tokenizer: await findTokenizer(checkpoint, state) };
    }
    default:
      return parts satisfies never;
  }
}

/** The run's own; OpenAI's for a text tower of as many tokens that lies in no run; null where nothing says what it knows. */
async function findTokenizer(path: string, state: ReadonlyMap<string, Tensor>): Promise<Tokenizer | null> {
  const run = await findRun(path);
  if (run !== null) return (await exists(run.tokenizer)) ? loadTokenizer(run.tokenizer) : null;
  const [tokens] = state.get('token_embedding.weight')?.shape ?? [];
  return tokens === clipVocabularySize ? loadClipTokenizer() : null;
}

/** Puts a starting model's weights into a model. @throws where they are those of another model */
export function startFrom(start: StartingModel, model: CLIP, config: ContrastiveConfig): void {
  if (start.parts === 'image') {
    loadImageTower(start.tower, model.visual, config.model);
    return;
  }
  try {
    model.loadStateDict(start.state as Map<string, Tensor>);
  } catch (cause) {
    throw new Error(`${start.path}: is a checkpoint of another model\n  ${(cause as Error).message}`, { cause });
  }
}
