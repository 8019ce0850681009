/** Weights of an image tower for a tower with another image size, or of another library. */
import { type ImageTower, ModifiedResNet, VisionTransformer, ViT } from '@tessera/models';
import type { StateDict } from '@tessera/nn';
import { concat, type Tensor, zeros } from '@tessera/tensor';
import { type Adapted, type Grid, resizedPositions } from './positions.ts';
import { isTimmViT, timmToClip } from './timm-to-clip.ts';

/**
 * Fits the weights of an image tower to another one: positions are interpolated, and timm's Vision Transformers are translated for
 * CLIP's. What does not fit otherwise is left as it is, so that loading it is an error.
 *
 * @param state names within the tower
 * @throws if positions cannot be resized, or if the tower has no place for a part of the model
 */
export function adaptImageTower(state: StateDict, tower: ImageTower): Adapted {
  if (tower instanceof VisionTransformer) return adaptClipTower(state, tower);
  if (tower instanceof ViT) return adaptViT(state, tower);
  if (tower instanceof ModifiedResNet) {
    const side = tower.inputResolution / 32;
    return resize({ state: new Map(state), notes: [] }, 'attnpool.positional_embedding', 1, [side, side]);
  }
  return { state: new Map(state), notes: [] };
}

function adaptClipTower(state: StateDict, tower: VisionTransformer): Adapted {
  const own = isTimmViT(state) ? timmToClip(state, tower.stateDict()) : { state: new Map(state), notes: [] };
  const side = tower.inputResolution / tower.patchSize;
  return resize(own, 'positional_embedding', 1, [side, side]);
}

function adaptViT(given: StateDict, tower: ViT): Adapted {
  const state = new Map(given);
  const notes: string[] = [];
  const target = tower.namedParameters().some(([name]) => name === 'pos_embed');
  const positions = state.get('pos_embed');
  if (target && positions?.ndim === 3) {
    const own = ['cls_token', 'dist_token', 'reg_token'].flatMap((name) => state.get(name)?.shape[1] ?? []);
    const prefix = own.reduce((sum, count) => sum + count, 0);
    const grid = tower.imageSize.map((length, k) => length / (tower.patchSize[k] as number)) as unknown as Grid;
    const isFor = (places: number): boolean => places === grid[0] * grid[1] || Number.isInteger(Math.sqrt(places));
    const places = positions.shape[1] ?? 0;
    // timm's models with registers have positions of the patches only.
    const bare = isFor(places) && (state.has('reg_token') || !isFor(places - prefix));
    if (bare && !tower.noEmbedClass && prefix > 0) {
      const front = zeros([1, prefix, positions.shape[2] ?? 0], { dtype: 'f32' });
      state.set('pos_embed', concat([front, positions], 1));
    }
    return readoutNorm(resize({ state, notes }, 'pos_embed', tower.noEmbedClass ? 0 : prefix, grid), tower);
  }
  return readoutNorm({ state, notes }, tower);
}

/** With the mean as readout the last norm is called `fc_norm`. */
function readoutNorm({ state, notes }: Adapted, tower: ViT): Adapted {
  const [from, to] = tower.readout === 'mean' ? ['norm.', 'fc_norm.'] : ['fc_norm.', 'norm.'];
  const moved = [...state.keys()].filter((name) => name.startsWith(from));
  if (moved.length === 0) return { state, notes };
  const renamed = new Map(
    [...state].map(([name, value]) => [name.startsWith(from) ? to + name.slice(from.length) : name, value] as const),
  );
  return { state: renamed, notes: [...notes, `${from}*: used as ${to}*, for the readout ${tower.readout}`] };
}

function resize({ state, notes }: Adapted, name: string, prefix: number, grid: Grid): Adapted {
  const given: Tensor | undefined = state.get(name);
  const resized = given === undefined ? null : resizedPositions(name, given, prefix, grid);
  if (resized === null) return { state, notes };
  state.set(name, resized.positions);
  return { state, notes: [...notes, resized.note] };
}
