/** The format in which Hugging Face's libraries store DINOv2. */
import { ViT } from '@tessera/models';
import type { StateDict } from '@tessera/nn';
import { concat, type Tensor } from '@tessera/tensor';
import type { WeightFormat } from './format.ts';
import { assuming, describedBy } from './image-description.ts';
import type { NameTable } from './names.ts';
import { fromDinov2, vitOptions } from './vit-options.ts';

const layer = 'encoder.layer.*';

const names: NameTable = [
  { ours: 'cls_token', theirs: 'embeddings.cls_token' },
  { ours: 'pos_embed', theirs: 'embeddings.position_embeddings' },
  { ours: 'reg_token', theirs: 'embeddings.register_tokens' },
  { ours: 'patch_embed.proj.*', theirs: 'embeddings.patch_embeddings.projection.*' },
  { ours: 'blocks.*.norm1.*', theirs: `${layer}.norm1.*` },
  {
    ours: 'blocks.*.attn.qkv.*',
    theirs: ['query', 'key', 'value'].map((projection) => `${layer}.attention.attention.${projection}.*`),
  },
  { ours: 'blocks.*.attn.proj.*', theirs: `${layer}.attention.output.dense.*` },
  { ours: 'blocks.*.ls1.gamma', theirs: `${layer}.layer_scale1.lambda1` },
  { ours: 'blocks.*.norm2.*', theirs: `${layer}.norm2.*` },
  { ours: 'blocks.*.mlp.*.*', theirs: `${layer}.mlp.*.*` },
  { ours: 'blocks.*.ls2.gamma', theirs: `${layer}.layer_scale2.lambda1` },
  { ours: 'norm.*', theirs: 'layernorm.*' },
];

const tokenNames = {
  classToken: 'embeddings.cls_token',
  positions: 'embeddings.position_embeddings',
  registers: 'embeddings.register_tokens',
  separateRegisters: 'embeddings.register_tokens',
};

/** In ONNX files the positions are in two parts, which are used by two operations (see `openOnnx`). */
const exported = { classPosition: 'embeddings.Concat', patchPositions: 'embeddings.Reshape' } as const;

function joinPositions(state: StateDict): Map<string, Tensor> {
  const joined = new Map(state);
  const [front, patches] = [state.get(exported.classPosition), state.get(exported.patchPositions)];
  if (front?.ndim !== 3 || patches?.ndim !== 3) return joined;
  joined.delete(exported.classPosition);
  joined.delete(exported.patchPositions);
  joined.set(tokenNames.positions, concat([front, patches], 1));
  return joined;
}

/** The names of the attention's layers in transformers 5 and before, which files have. */
const attention: readonly (readonly [newer: string, older: string])[] = [
  ['attention.q_proj.', 'attention.attention.query.'],
  ['attention.k_proj.', 'attention.attention.key.'],
  ['attention.v_proj.', 'attention.attention.value.'],
  ['attention.o_proj.', 'attention.output.dense.'],
];

const olderNames = (state: StateDict): Map<string, Tensor> =>
  new Map(
    [...state].map(([name, tensor]) => [
      attention.reduce((renamed, [newer, older]) => renamed.replace(newer, older), name),
      tensor,
    ]),
  );

export const huggingFaceViT: WeightFormat = {
  names: 'hugging-face',
  title: "Hugging Face's Dinov2Model",
  anchor: 'embeddings.patch_embeddings.projection.weight',
  recognizes: (found) =>
    found.has('embeddings.patch_embeddings.projection.weight') && found.has('encoder.layer.0.layer_scale1.lambda1'),
  table: names,
  ignored: [],
  additions: ['embeddings.mask_token'],
  variant: (state) => fromDinov2(joinPositions(olderNames(state)), tokenNames),
  build: (state, hints) => ({
    model: new ViT(vitOptions(state, describedBy(hints))),
    assumptions: assuming(hints, '64 channels per head', 'activation gelu'),
  }),
  // Written under timm's names.
  stores: () => false,
  describe: () => ({}),
  configFiles: () => [],
};
