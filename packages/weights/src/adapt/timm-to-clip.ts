/** timm's Vision Transformer in the layers of CLIP's. */
import type { StateDict } from '@tessera/nn';
import { concat, type Tensor, zeros } from '@tessera/tensor';
import { type NameTable, toOurNames } from '../formats/names.ts';
import type { Adapted } from './positions.ts';

const block = 'transformer.resblocks.*';

const table: NameTable = [
  { ours: 'conv1.weight', theirs: 'patch_embed.proj.weight' },
  { ours: `${block}.attn.in_proj_*`, theirs: 'blocks.*.attn.qkv.*' },
  { ours: `${block}.attn.out_proj.*`, theirs: 'blocks.*.attn.proj.*' },
  { ours: `${block}.ln_1.*`, theirs: 'blocks.*.norm1.*' },
  { ours: `${block}.ln_2.*`, theirs: 'blocks.*.norm2.*' },
  { ours: `${block}.mlp.c_fc.*`, theirs: 'blocks.*.mlp.fc1.*' },
  { ours: `${block}.mlp.c_proj.*`, theirs: 'blocks.*.mlp.fc2.*' },
  { ours: 'ln_post.*', theirs: 'norm.*' },
];

/** The layers whose outputs layer scale multiplies. */
const scaled = [
  ['ls1.gamma', 'attn.proj'],
  ['ls2.gamma', 'mlp.fc2'],
] as const;

/** The blocks without layer scale: a factor on the output of a linear layer is a factor on its rows. */
function withoutLayerScale(state: StateDict): Map<string, Tensor> {
  const folded = new Map(state);
  for (const [name, gamma] of state)
    for (const [scale, layer] of scaled) {
      if (!name.endsWith(`.${scale}`)) continue;
      const start = name.slice(0, -scale.length) + layer;
      const weight = state.get(`${start}.weight`);
      const bias = state.get(`${start}.bias`);
      if (weight !== undefined) folded.set(`${start}.weight`, weight.mul(gamma.unsqueeze(1)));
      if (bias !== undefined) folded.set(`${start}.bias`, bias.mul(gamma));
      folded.delete(name);
    }
  return folded;
}

/** Tensors that CLIP's Vision Transformer has no place for, with what they are. */
const withoutPlace = {
  reg_token: 'registers',
  dist_token: 'a distillation token',
  'fc_norm.weight': 'the mean of the patches as readout',
} as const;

/** Whether a state has the names of timm's Vision Transformers. */
export const isTimmViT = (state: StateDict): boolean =>
  state.has('patch_embed.proj.weight') && state.has('blocks.0.norm1.weight');

/**
 * The weights of timm's Vision Transformer under the names of CLIP's image tower. The bias of the patch embedding becomes a part of the
 * positions, layer scale a part of the layers before it. `ln_pre` and `proj` exist only in CLIP and keep their values.
 *
 * @param own the state of the tower, [names without `visual.`]
 * @throws if the model has parts that CLIP's Vision Transformer has no place for
 */
export function timmToClip(given: StateDict, own: StateDict): Adapted {
  for (const [name, what] of Object.entries(withoutPlace))
    if (given.has(name))
      throw new Error(`${name}: the file's model has ${what}, which CLIP's Vision Transformer does not have`);
  const classToken = given.get('cls_token');
  const positions = given.get('pos_embed');
  if (classToken === undefined || positions === undefined)
    throw new Error('the file has no cls_token and pos_embed, which CLIP needs');
  const state = toOurNames(withoutLayerScale(given), table);
  const [, , width = 0] = classToken.shape;
  state.set('class_embedding', classToken.reshape([width]));
  const bias = given.get('patch_embed.proj.bias');
  const places = positions.squeeze(0);
  const square = Number.isInteger(Math.sqrt(places.shape[0] ?? 0));
  const [front, patches] = square ? [zeros([1, width]), places] : [places.slice(0, 0, 1), places.slice(0, 1)];
  state.set('positional_embedding', concat([front, bias === undefined ? patches : patches.add(bias)], 0));
  const kept: string[] = [];
  for (const [name, value] of own) {
    if (state.has(name)) continue;
    if (/\.attn\.in_proj_bias$/.test(name)) state.set(name, zeros(value.shape));
    else if (/^(ln_pre\.|proj$)/.test(name)) {
      state.set(name, value.detach());
      kept.push(name);
    }
  }
  const note = `timm's Vision Transformer in CLIP's layers; ${kept.join(', ')} do not exist there and start as in a new model: the tower has to be trained`;
  return { state, notes: [note] };
}
