/** Vision Transformers of timm, DINOv2 and Hugging Face: their sizes, and the tokens in front of the patches. */
import type { ViT, ViTOptions } from '@tessera/models';
import type { ActivationName, StateDict } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';
import type { ImageDescription } from './image-description.ts';
import { Shapes, squareSide } from './shapes.ts';

/** The options of the model whose tensors have these shapes, under timm's names. */
export function vitOptions(state: StateDict, described: ImageDescription): ViTOptions {
  const shapes = new Shapes(state);
  const width = shapes.size('patch_embed.proj.weight', 0, 4);
  const patchSize = shapes.size('patch_embed.proj.weight', 3, 4);
  const classToken = shapes.has('cls_token');
  const distilled = shapes.has('dist_token');
  const registerTokens = shapes.has('reg_token') ? shapes.size('reg_token', 1, 3) : 0;
  const prefix = Number(classToken) + Number(distilled) + registerTokens;
  const places = shapes.size('pos_embed', 1, 3);
  // timm's models with registers have positions of the patches only, some others too.
  const { noEmbedClass = prefix > 0 && isSquare(places) && (registerTokens > 0 || !isSquare(places - prefix)) } =
    described;
  return {
    imageSize: patchSize * squareSide(noEmbedClass ? places : places - prefix, 'pos_embed'),
    patchSize,
    width,
    depth: shapes.count('blocks'),
    heads: described.heads ?? Math.max(1, Math.floor(width / 64)),
    classes: shapes.has('head.weight') ? shapes.size('head.weight', 0, 2) : 0,
    mlpRatio: shapes.size('blocks.0.mlp.fc1.weight', 0, 2) / width,
    activation: described.activation ?? 'gelu',
    readout: shapes.has('fc_norm.weight') ? 'mean' : 'cls',
    classToken,
    distilled,
    registerTokens,
    noEmbedClass,
    qkvBias: shapes.has('blocks.0.attn.qkv.bias'),
    // Only its presence matters here: the values are in the file.
    layerScale: shapes.has('blocks.0.ls1.gamma') ? 1 : null,
  };
}

/** The settings of a model that `vitOptions` cannot see in its shapes. */
export function vitDescription(model: ViT): {
  readonly heads: number;
  readonly activation: ActivationName;
  readonly noEmbedClass?: boolean;
} {
  const [block] = model.blocks;
  return {
    heads: block?.attn.numHeads ?? 1,
    activation: block?.mlp.act.activation ?? 'gelu',
    ...(model.noEmbedClass ? { noEmbedClass: true } : {}),
  };
}

const isSquare = (places: number): boolean => places > 0 && Number.isInteger(Math.sqrt(places));

/** The names of three tensors in a file. */
interface TokenNames {
  readonly classToken: string;
  readonly positions: string;
  readonly registers: string;
  /** The name of the registers where all positions are those of patches. */
  readonly separateRegisters: string;
}

/** In DINOv2's own files (https://github.com/facebookresearch/dinov2); the last one is timm's. */
export const ownNames: TokenNames = {
  classToken: 'cls_token',
  positions: 'pos_embed',
  registers: 'register_tokens',
  separateRegisters: 'reg_token',
};

/** A DINOv2 with registers has a position of the class token, which here is added to the class token itself, as timm does. */
export function fromDinov2(state: StateDict, names: TokenNames): Map<string, Tensor> {
  const renamed = new Map(state);
  const registers = state.get(names.registers);
  const classToken = state.get(names.classToken);
  const positions = state.get(names.positions);
  if (registers === undefined || classToken?.ndim !== 3 || positions?.ndim !== 3) return renamed;
  renamed.delete(names.registers);
  renamed.set(names.separateRegisters, registers);
  renamed.set(names.classToken, classToken.add(positions.slice(1, 0, 1)));
  renamed.set(names.positions, positions.slice(1, 1));
  return renamed;
}
