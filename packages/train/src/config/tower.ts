/** The `vision` section of a model: a union over image towers, made from the settings that the models package declares. */
import {
  clipTowerKinds,
  type ImageTowerConfig,
  type ImageTowerKind,
  imageTowers,
  type Setting,
  type VisionConfig,
} from '@tessera/models';
import { z } from 'zod';

/** The values that a setting accepts. */
function valueSchema(setting: Setting): z.ZodType {
  switch (setting.kind) {
    case 'integer':
      return z.int().min(setting.minimum);
    case 'number':
      return z.number().min(setting.minimum).max(setting.maximum);
    case 'choice':
      return z.enum([...setting.choices]);
    case 'integers': {
      const element = z.int().min(setting.minimum);
      if (setting.length === null) return z.array(element).min(1);
      return z.tuple(Array.from({ length: setting.length }, () => element) as [typeof element]);
    }
    default:
      return setting satisfies never;
  }
}

function fieldSchema(setting: Setting): z.ZodType {
  const value = valueSchema(setting);
  if (setting.optional === true) return value.optional().describe(setting.description);
  return (setting.default === undefined ? value : value.default(setting.default)).describe(setting.description);
}

const towerSchema = (kind: ImageTowerKind) => {
  const { description, settings } = imageTowers[kind];
  const fields = Object.entries<Setting>(settings).map(([name, setting]) => [name, fieldSchema(setting)]);
  return z
    .strictObject({ kind: z.literal(kind), ...(Object.fromEntries(fields) as z.ZodRawShape) })
    .describe(description);
};

function towerUnion(kinds: readonly ImageTowerKind[]) {
  const [first, ...others] = kinds.map(towerSchema);
  if (first === undefined) throw new Error('a union of image towers needs at least one');
  return z.discriminatedUnion('kind', [first, ...others]).describe('the image tower');
}

/** Every image tower. */
export const imageTowerSection = towerUnion(
  Object.keys(imageTowers) as ImageTowerKind[],
) as unknown as z.ZodType<ImageTowerConfig>;

/** The image towers that CLIP can have. */
export const clipTowerSection = towerUnion(clipTowerKinds) as unknown as z.ZodType<VisionConfig>;
