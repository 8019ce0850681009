/** A small CLIP model for tests of training steps. */
import { CLIP } from '@tessera/models';
import { manualSeed, tensor } from '@tessera/tensor';
import { AdamW, noDecay } from '../optim/index.ts';
import { ContrastiveObjective, type PairTensors } from '../tasks/contrastive/objective.ts';

/** The smallest CLIP that has all parts, with objective and optimizer. The same seed results in the same bits. */
export function tinyClip({ seed = 1, width = 8 } = {}): { objective: ContrastiveObjective; optimizer: AdamW } {
  manualSeed(seed);
  const model = new CLIP({
    embedDim: 8,
    vision: { kind: 'vit', imageSize: 8, patchSize: 4, width, layers: 1, heads: 1 },
    text: { contextLength: 6, vocabularySize: 20, width: 8, layers: 1, heads: 1 },
  });
  const optimizer = new AdamW(model.namedParameters(), { groups: [noDecay], weightDecay: 0.2 });
  return { objective: new ContrastiveObjective(model), optimizer };
}

/** A batch of four pairs for the model. */
export function tinyPairs(shift = 0): PairTensors {
  const pixels = Uint8Array.from({ length: 4 * 8 * 8 * 3 }, (_, i) => ((i + shift) * 37) % 251);
  const tokens = Int32Array.from({ length: 4 * 6 }, (_, i) => ((i + shift) * 7) % 19);
  return {
    images: tensor(pixels, { shape: [4, 8, 8, 3] }),
    tokens: tensor(tokens, { shape: [4, 6] }),
    concepts: tensor(Int32Array.of(0, 1, 2, 2)),
  };
}
