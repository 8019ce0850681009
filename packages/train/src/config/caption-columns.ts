/** The setting `data.captions`: several columns with captions, and their weights. */
import { z } from 'zod';

const weight = z.number().min(0);

/** Names of columns, alone or with weights: a text `caption,alt:0.5`, a list, or a section with a weight for each column. */
export const captionColumns = z
  .union([z.string().min(1), z.array(z.string().min(1)).min(1), z.record(z.string().min(1), weight)])
  .nullable()
  .default(null)
  .describe(
    'several columns with captions, from which each epoch draws one for each row, of those that are not empty: [caption, alt], or with weights {caption: 0.7, alt: 0.3}; null: one column',
  )
  .meta({ flag: 'captions' });

export type CaptionColumns = z.infer<typeof captionColumns>;

/** A name with a weight behind a colon; without one, the weight is 1. */
export function namedWeight(text: string): [string, number] {
  const [, name, number] = /^(.+):(\d+(?:\.\d*)?|\.\d+)$/.exec(text) ?? [];
  return name === undefined ? [text, 1] : [name, Number(number)];
}

/** The weight of each column; null: the setting names none. @throws where a column is named twice, or all weights are 0 */
export function captionWeights(setting: CaptionColumns | undefined): Record<string, number> | null {
  if (setting === null || setting === undefined) return null;
  const entries =
    typeof setting === 'string'
      ? setting.split(',').map((part) => namedWeight(part.trim()))
      : Array.isArray(setting)
        ? setting.map((name): [string, number] => [name, 1])
        : Object.entries(setting);
  const weights = Object.fromEntries(entries);
  const repeated = entries.find(([name], k) => entries.findIndex(([other]) => other === name) < k);
  if (repeated !== undefined) throw new Error(`data.captions: the column "${repeated[0]}" is named twice`);
  if (!Object.values(weights).some((value) => value > 0))
    throw new Error('data.captions: all weights are 0; expected one above 0');
  return weights;
}
