/** The tensor names of CLIP models in other libraries. */
import type { NameRow, NameTable } from './names.ts';

/** OpenAI's names are the names of Tessera's modules. */
export const openaiNames: NameTable = [{ ours: '**', theirs: '**' }];

/** In OpenCLIP's `CustomTextCLIP` the text tower is a submodule named `text`. */
export const customTextNames: NameTable = [
  { ours: 'visual.**', theirs: 'visual.**' },
  { ours: 'logit_scale', theirs: 'logit_scale' },
  { ours: 'logit_bias', theirs: 'logit_bias' },
  { ours: '**', theirs: 'text.**' },
];

/** Hugging Face's encoder layers have separate projections for query, key and value. */
const huggingFaceBlocks = (ours: string, theirs: string): NameRow[] => [
  {
    ours: `${ours}.*.attn.in_proj_*`,
    theirs: ['q', 'k', 'v'].map((projection) => `${theirs}.*.self_attn.${projection}_proj.*`),
  },
  { ours: `${ours}.*.attn.out_proj.*`, theirs: `${theirs}.*.self_attn.out_proj.*` },
  { ours: `${ours}.*.ln_1.*`, theirs: `${theirs}.*.layer_norm1.*` },
  { ours: `${ours}.*.ln_2.*`, theirs: `${theirs}.*.layer_norm2.*` },
  { ours: `${ours}.*.mlp.c_fc.*`, theirs: `${theirs}.*.mlp.fc1.*` },
  { ours: `${ours}.*.mlp.c_proj.*`, theirs: `${theirs}.*.mlp.fc2.*` },
];

/** Hugging Face's `CLIPModel`. The spelling `pre_layrnorm` is Hugging Face's. */
export const huggingFaceNames: NameTable = [
  { ours: 'logit_scale', theirs: 'logit_scale' },
  { ours: 'token_embedding.weight', theirs: 'text_model.embeddings.token_embedding.weight' },
  { ours: 'positional_embedding', theirs: 'text_model.embeddings.position_embedding.weight' },
  ...huggingFaceBlocks('transformer.resblocks', 'text_model.encoder.layers'),
  { ours: 'ln_final.*', theirs: 'text_model.final_layer_norm.*' },
  { ours: 'text_projection', theirs: 'text_projection.weight', transposed: true },
  { ours: 'visual.class_embedding', theirs: 'vision_model.embeddings.class_embedding' },
  { ours: 'visual.conv1.weight', theirs: 'vision_model.embeddings.patch_embedding.weight' },
  { ours: 'visual.positional_embedding', theirs: 'vision_model.embeddings.position_embedding.weight' },
  { ours: 'visual.ln_pre.*', theirs: 'vision_model.pre_layrnorm.*' },
  ...huggingFaceBlocks('visual.transformer.resblocks', 'vision_model.encoder.layers'),
  { ours: 'visual.ln_post.*', theirs: 'vision_model.post_layernorm.*' },
  { ours: 'visual.proj', theirs: 'visual_projection.weight', transposed: true },
];
