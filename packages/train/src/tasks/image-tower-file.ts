/** The image tower of another run or file, which a model can start from. */
import type { ImageTower } from '@tessera/models';
import type { Tensor } from '@tessera/tensor';
import type { TensorFile } from '@tessera/weights';
import type { z } from 'zod';
import type { imageModelSection } from '../config/sections.ts';
import { differingSettings, parseCheckpointState } from '../loop/checkpoint.ts';
import { readModelState } from '../run-folder/model-state.ts';
import { encoderOfMAE } from './mae/encoder.ts';

/** How an image tower is built: the `model` section of a classifier. */
export type ImageModel = z.infer<typeof imageModelSection>;

const prefix = 'visual.';

/** The image tower of a CLIP model, classifier or masked autoencoder, as it is stored in a file. */
export interface ImageTowerFile {
  readonly path: string;
  /** Parameters and buffers by their names within the tower. */
  readonly state: Map<string, Tensor>;
  /** How the model is built; null where the file does not say. */
  readonly model: ImageModel | null;
  /** What `model` takes for granted because the file does not say it. */
  readonly assumptions: readonly string[];
  /** Whether the tower's head is missing, because it was trained without one. */
  readonly headless: boolean;
}

/**
 * Reads the image tower of a run, of a checkpoint, or of any file of weights that is known (see `loadWeights`) or has CLIP's names.
 *
 * @throws where there is no such file, or no image tower in it
 */
export async function readImageTower(path: string): Promise<ImageTowerFile> {
  const { state: whole, tower, assumptions, ...file } = await readModelState(path);
  const masked = encoderOfMAE(whole, configOf(file));
  if (masked !== null) return { path: file.path, ...masked, assumptions, headless: true };
  const state = new Map(
    [...whole].flatMap(([name, tensor]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), tensor]] : [])),
  );
  if (state.size === 0) throw new Error(`${file.path}: holds no image tower: no tensor's name begins with ${prefix}`);
  return {
    path: file.path,
    state,
    model: (tower as ImageModel | null) ?? modelOfRun(file),
    assumptions,
    headless: false,
  };
}

/** The configuration in a checkpoint; null for any other file. */
const configOf = (file: Pick<TensorFile, 'path' | 'metadata'>): unknown =>
  file.metadata.training === undefined ? null : parseCheckpointState(file).config;

/** What a checkpoint's configuration says of its model; null for a file that is none. */
function modelOfRun(file: Pick<TensorFile, 'path' | 'metadata'>): ImageModel | null {
  const config = configOf(file) as { model?: unknown } | null;
  const model = config?.model as Partial<ImageModel> | null | undefined;
  if (!model?.vision || model.embedDim === undefined || model.activation === undefined) return null;
  const { embedDim, vision, activation } = model;
  return { embedDim, vision, activation };
}

/** Puts the file's weights into a tower. A head that the file does not have stays as it is. @throws where they are those of another model, saying how the two differ */
export function loadImageTower(file: ImageTowerFile, tower: ImageTower, config: ImageModel): void {
  const { path, state, model, headless } = file;
  const head = headless ? [...tower.stateDict()].filter(([name]) => name.startsWith('head.')) : [];
  try {
    tower.loadStateDict(new Map([...head, ...state]));
  } catch (cause) {
    const differences = model === null ? [] : differingSettings(model, config, 'model');
    throw new Error(
      [
        `${path}: its image tower is another than the configuration's`,
        ...differences.map(({ key, first, second }) => `${key} is ${first} in the checkpoint, ${second} here`),
        ...(differences.length > 0 ? ["set model=null to take the checkpoint's"] : []),
        (cause as Error).message,
      ].join('\n  '),
      { cause },
    );
  }
}
