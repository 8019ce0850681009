/** Other models whose weights a CLIP run can start from. */
import { loadTokenizer, type Tokenizer } from '@tessera/data';
import { exists } from '@tessera/data/io';
import type { CLIP } from '@tessera/models';
import type { Tensor } from '@tessera/tensor';
import { adaptClip } from '@tessera/weights';
import { readModelState } from '../../run-folder/model-state.ts';
import { findRun } from '../../run-folder/run-folder.ts';
import {
  type ImageModel,
  type ImageTowerFile,
  loadImageTower,
  modelOfRun,
  otherSettings,
  readImageTower,
  requireCheckpoint,
} from '../image-tower-file.ts';
import { findClipTokenizer } from './find-tokenizer.ts';
import type { ContrastiveConfig } from './settings.ts';

/** The weights that a new CLIP run starts from: an image tower, or a whole model. */
export type StartingModel =
  | { readonly parts: 'image'; readonly tower: ImageTowerFile }
  | {
      readonly parts: 'all';
      readonly path: string;
      readonly notes: readonly string[];
      /** How the image tower is built; null where the file does not specify it. */
      readonly model: ImageModel | null;
      /** Whether `model` contains assumptions, because the file does not specify everything. */
      readonly assumed: boolean;
      readonly state: ReadonlyMap<string, Tensor>;
      /** The tokenizer of the text tower; null if it is not known. */
      readonly tokenizer: Tokenizer | null;
    };

/** Reads the model that `initialize` names. Null: from scratch. @throws where the run or file does not exist */
export async function readStartingModel({ initialize }: ContrastiveConfig): Promise<StartingModel | null> {
  const { checkpoint, parts, key } = initialize;
  requireCheckpoint(initialize);
  if (checkpoint === null) return null;
  switch (parts) {
    case 'image':
      return { parts, tower: await readImageTower(checkpoint, key) };
    case 'all': {
      const { path, state, tower, notes, metadata, assumptions } = await readModelState(checkpoint, key);
      const model = (tower as ImageModel | null) ?? modelOfRun({ path, metadata });
      return {
        parts,
        path,
        notes,
        model,
        assumed: assumptions.length > 0,
        state,
        tokenizer: await findTokenizer(checkpoint, state),
      };
    }
    default:
      return parts satisfies never;
  }
}

/** The run's own tokenizer; outside of a run, that of the folder, or OpenAI's; null if it is not known. */
async function findTokenizer(path: string, state: ReadonlyMap<string, Tensor>): Promise<Tokenizer | null> {
  const run = await findRun(path);
  if (run !== null) return (await exists(run.tokenizer)) ? loadTokenizer(run.tokenizer) : null;
  const [tokens] = state.get('token_embedding.weight')?.shape ?? [];
  return tokens === undefined ? null : findClipTokenizer(path, tokens);
}

/**
 * Loads a starting model's weights into a model, fitted to its sizes and its loss.
 *
 * @param say tells the user what was changed
 * @throws where they do not fit
 */
export async function startFrom(
  start: StartingModel,
  model: CLIP,
  config: ContrastiveConfig,
  say: (message: string) => void,
): Promise<void> {
  if (start.parts === 'image') {
    const { path, notes } = start.tower;
    for (const note of [...notes, ...loadImageTower(start.tower, model.visual, config.model)]) say(`${path}: ${note}`);
    return;
  }
  try {
    const { state, notes } = await adaptClip(start.state as Map<string, Tensor>, model);
    model.loadStateDict(state);
    for (const note of [...start.notes, ...notes, ...otherSettings(start.model, config.model, start.assumed)])
      say(`${start.path}: ${note}`);
  } catch (cause) {
    throw new Error(`${start.path}: is a checkpoint of a different model\n  ${(cause as Error).message}`, { cause });
  }
}
