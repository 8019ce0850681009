import type { ImageTower } from '@tessera/models';
import type { Tensor } from '@tessera/tensor';
import type { ClassifyConfig, RunConfig } from '../config/index.ts';
import { findCheckpoint } from '../run/run-folder.ts';
import { differingSettings, parseCheckpointState } from '../trainer/checkpoint.ts';
import { readTensors } from '../trainer/tensor-files.ts';

type ImageModel = NonNullable<ClassifyConfig['model']>;

const prefix = 'visual.';

/** The image tower of a CLIP model or classifier, as it lies in a file. */
export interface ImageTowerFile {
  readonly path: string;
  /** Parameters and buffers by their names within the tower. */
  readonly state: Map<string, Tensor>;
  /** How the model is built; null where the file does not say, as OpenAI's and OpenCLIP's do not. */
  readonly model: ImageModel | null;
}

/**
 * Reads the image tower of a run, a checkpoint, or any safetensors file with CLIP's state_dict names.
 *
 * @throws where there is no such file, or no `visual.` in it
 */
export async function readImageTower(path: string): Promise<ImageTowerFile> {
  const file = await readTensors(await findCheckpoint(path));
  const state = file.select((name) => (name.startsWith(prefix) ? name.slice(prefix.length) : null));
  if (state.size === 0) throw new Error(`${file.path}: holds no image tower: no tensor's name begins with ${prefix}`);
  const config = file.metadata.training === undefined ? null : (parseCheckpointState(file).config as RunConfig);
  if (!config?.model || !('vision' in config.model)) return { path: file.path, state, model: null };
  const { embedDim, vision, activation } = config.model;
  return { path: file.path, state, model: { embedDim, vision, activation } };
}

/** Puts the file's weights into a tower. @throws where they are those of another model, saying how the two differ */
export function loadImageTower({ path, state, model }: ImageTowerFile, tower: ImageTower, config: ImageModel): void {
  try {
    tower.loadStateDict(state);
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
