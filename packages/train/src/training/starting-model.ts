import type { CLIP } from '@tessera/models';
import type { Tensor } from '@tessera/tensor';
import type { ContrastiveConfig } from '../config/index.ts';
import { exists } from '../io/file-system.ts';
import { findCheckpoint, findRun } from '../run/run-folder.ts';
import { loadTokenizer, type Tokenizer } from '../tokenizer/index.ts';
import { readTensors } from '../trainer/tensor-files.ts';
import { type ImageTowerFile, loadImageTower, readImageTower } from './image-tower-file.ts';

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
      const file = await readTensors(await findCheckpoint(checkpoint));
      const run = await findRun(checkpoint);
      const tokenizer = run !== null && (await exists(run.tokenizer)) ? await loadTokenizer(run.tokenizer) : null;
      const state = file.select((name) => (name.startsWith('optimizer.') ? null : name));
      return { parts, path: file.path, state, tokenizer };
    }
    default:
      return parts satisfies never;
  }
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
