/** Image towers of other runs or files, which a model can start from. */
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

/** The image tower of a CLIP model, classifier or masked autoencoder, read from a file. */
export interface ImageTowerFile {
  readonly path: string;
  /** Parameters and buffers by their names within the tower. */
  readonly state: Map<string, Tensor>;
  /** The configuration of the model; null where the file does not contain it. */
  readonly model: ImageModel | null;
  /** What `model` assumes because the file does not specify it. */
  readonly assumptions: readonly string[];
  /** Whether the tower's head is missing, because it was trained without one. */
  readonly headless: boolean;
}

/**
 * Reads the image tower of a run, of a checkpoint, or of any file of weights that is known (see `loadWeights`) or has CLIP's names.
 *
 * @throws where the file does not exist or contains no image tower
 */
export async function readImageTower(path: string): Promise<ImageTowerFile> {
  const { state: whole, tower, assumptions, ...file } = await readModelState(path);
  const masked = encoderOfMAE(whole, configOf(file));
  if (masked !== null) return { path: file.path, ...masked, assumptions, headless: true };
  const state = new Map(
    [...whole].flatMap(([name, tensor]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), tensor]] : [])),
  );
  if (state.size === 0)
    throw new Error(`${file.path}: contains no image tower: expected tensors with names that begin with ${prefix}`);
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

/** The model in a checkpoint's configuration; null for a file that is not a checkpoint. */
function modelOfRun(file: Pick<TensorFile, 'path' | 'metadata'>): ImageModel | null {
  const config = configOf(file) as { model?: unknown } | null;
  const model = config?.model as Partial<ImageModel> | null | undefined;
  if (!model?.vision || model.embedDim === undefined || model.activation === undefined) return null;
  const { embedDim, vision, activation } = model;
  return { embedDim, vision, activation };
}

/**
 * Loads the file's weights into a tower. If the file has no head, that of the tower stays as it is.
 *
 * @throws where the weights do not fit; the message lists the differences
 */
export function loadImageTower(file: ImageTowerFile, tower: ImageTower, config: ImageModel): void {
  const { path, state, model, headless } = file;
  const head = headless ? [...tower.stateDict()].filter(([name]) => name.startsWith('head.')) : [];
  try {
    tower.loadStateDict(new Map([...head, ...state]));
  } catch (cause) {
    const differences = model === null ? [] : differingSettings(model, config, 'model');
    throw new Error(
      [
        `${path}: the image tower differs from the configuration's`,
        ...differences.map(({ key, first, second }) => `${key} is ${first} in the checkpoint, ${second} here`),
        ...(differences.length > 0 ? ["set model=null to use the checkpoint's model"] : []),
        (cause as Error).message,
      ].join('\n  '),
      { cause },
    );
  }
}
