/** What a library does not have, in a sentence that names the setting of a run. */
import { PatchEmbed, type ViT } from '@tessera/models';
import type { ActivationName } from '@tessera/nn';

/** A setting, and whether a model needs it. */
type Condition = readonly [needed: boolean, setting: string];

/** The sentence for the settings that a model needs and a library lacks; null where there are none. */
export function refusalOf(library: string, conditions: readonly Condition[]): string | null {
  const settings = conditions.flatMap(([needed, setting]) => (needed ? [setting] : []));
  return settings.length === 0 ? null : `${library} cannot express ${settings.join(', ')}`;
}

/** What no library's Vision Transformer has. */
export const unusualViT = (model: ViT): Condition[] => [
  [model.blocks.length === 0, 'model.vision.layers=0'],
  [model.blocks[0]?.placement === 'post', 'model.vision.norm=post'],
  [!(model.patch_embed instanceof PatchEmbed), 'a linear layer as patch embedding'],
  [!model.stateDict().has('pos_embed'), 'model.vision.positions other than learned'],
  [
    model.imageSize[0] !== model.imageSize[1] || model.patchSize[0] !== model.patchSize[1],
    'rectangular images or patches',
  ],
];

/** The name of an activation in a library's table. @returns the condition that it is missing, too */
export const activationIn = (
  names: Readonly<Record<string, ActivationName>>,
  activation: ActivationName,
): { readonly name: string; readonly missing: Condition } => {
  const [name] = Object.entries(names).find(([, own]) => own === activation) ?? [];
  return { name: name ?? '', missing: [name === undefined, `model.activation=${activation}`] };
};
