/** Image towers of other runs or files, which a model can start from. */
import type { ImageTower } from '@tessera/models';
import type { Tensor } from '@tessera/tensor';
import { adaptImageTower, type TensorFile } from '@tessera/weights';
import type { z } from 'zod';
import type { imageModelSection } from '../config/sections.ts';
import { differingSettings, parseCheckpointState } from '../loop/checkpoint.ts';
import { readModelState, towerPrefix } from '../run-folder/model-state.ts';
import { encoderOfMAE } from './mae/encoder.ts';

/** How an image tower is built: the `model` section of a classifier. */
export type ImageModel = z.infer<typeof imageModelSection>;

/** The image tower of a CLIP model, classifier or masked autoencoder, read from a file. */
export interface ImageTowerFile {
  readonly path: string;
  /** Parameters and buffers by their names within the tower. */
  readonly state: Map<string, Tensor>;
  /** The configuration of the model; null where the file does not contain it. */
  readonly model: ImageModel | null;
  /** What `model` assumes because the file does not specify it. */
  readonly assumptions: readonly string[];
  /** What a user should know about how the tower was found in the file, a sentence each. */
  readonly notes: readonly string[];
  /** Whether the tower's head is missing, because it was trained without one. */
  readonly headless: boolean;
  /** What the model has that the settings of an image tower cannot say: then `model` is null. */
  readonly undescribed: readonly string[];
}

/**
 * Reads the image tower of a run, of a checkpoint, or of any file of weights that is known (see `loadWeights`) or has CLIP's names.
 *
 * @param key the part of a checkpoint of another library to read; null: the usual one
 * @throws where the file does not exist or contains no image tower
 */
export async function readImageTower(path: string, key: string | null = null): Promise<ImageTowerFile> {
  const { state: whole, tower, isTower, undescribed, assumptions, notes, ...file } = await readModelState(path, key);
  const found = { path: file.path, undescribed, assumptions, notes };
  const masked = encoderOfMAE(whole, configOf(file));
  if (masked !== null) return { ...found, ...masked, headless: true };
  if (isTower) {
    const state = new Map([...whole].filter(([name]) => !head.test(name)));
    const left = state.size === whole.size ? [] : ['left out: the head, which classifies into the classes of the file'];
    return { ...found, state, model: tower as ImageModel | null, notes: [...notes, ...left], headless: true };
  }
  const state = new Map(
    [...whole].flatMap(([name, tensor]) =>
      name.startsWith(towerPrefix) ? [[name.slice(towerPrefix.length), tensor]] : [],
    ),
  );
  if (state.size === 0)
    throw new Error(
      `${file.path}: contains no image tower: expected tensors with names that begin with ${towerPrefix}`,
    );
  return { ...found, state, model: (tower as ImageModel | null) ?? modelOfRun(file), headless: false };
}

/** The names of the heads of image towers: of Vision Transformers, of DeiT's second one, and of ResNets. */
const head = /^(head|head_dist|fc)\./;

/** The configuration in a checkpoint; null for any other file. */
const configOf = (file: Pick<TensorFile, 'path' | 'metadata'>): unknown =>
  file.metadata.training === undefined ? null : parseCheckpointState(file).config;

/** The model in a checkpoint's configuration; null for a file that is not a checkpoint. */
export function modelOfRun(file: Pick<TensorFile, 'path' | 'metadata'>): ImageModel | null {
  const config = configOf(file) as { model?: unknown } | null;
  const model = config?.model as Partial<ImageModel> | null | undefined;
  if (!model?.vision || model.embedDim === undefined || model.activation === undefined) return null;
  const { embedDim, vision, activation } = model;
  return { embedDim, vision, activation };
}

/**
 * Loads the file's weights into a tower, fitted to its image size. If the file has no head, that of the tower stays as it is.
 *
 * @returns what was changed, and what differs without being an error, a sentence each
 * @throws where the weights do not fit; the message lists the differences
 */
export function loadImageTower(file: ImageTowerFile, tower: ImageTower, config: ImageModel): string[] {
  const { path, model, headless } = file;
  const heads = headless ? [...tower.stateDict()].filter(([name]) => head.test(name)) : [];
  try {
    const { state, notes } = adaptImageTower(file.state, tower);
    tower.loadStateDict(new Map([...heads, ...state]));
    return [...notes, ...otherSettings(model, config, file.assumptions.length > 0)];
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

/** Settings of which a tensor's shape says nothing: with others the same weights compute other features. */
export function otherSettings(
  model: ImageModel | null,
  config: Pick<ImageModel, 'activation' | 'vision'>,
  assumed: boolean,
): string[] {
  if (model === null) return [];
  const facts = ({ activation, vision }: Pick<ImageModel, 'activation' | 'vision'>): [string, unknown][] => [
    ['activation', activation],
    ['vision.heads', 'heads' in vision ? vision.heads : undefined],
  ];
  const own = new Map(facts(config));
  return facts(model).flatMap(([key, value]) =>
    value === undefined || own.get(key) === undefined || value === own.get(key)
      ? []
      : [
          `model.${key} is ${own.get(key)} here; the file's model has ${value}${assumed ? ' (assumed, no file specifies it)' : ''}`,
        ],
  );
}

/** @throws where a part of a file is chosen, but no file */
export function requireCheckpoint({ checkpoint, key }: { checkpoint: string | null; key: string | null }): void {
  if (key !== null && checkpoint === null)
    throw new Error(
      'initialize.key (--weights-key) chooses a part of initialize.checkpoint (--from), which is not set',
    );
}
