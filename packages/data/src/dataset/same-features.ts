/** The files of a split must have the same columns. */
import { type Feature, type Features, featuresToJson } from '../arrow/features.ts';
import type { OpenShard } from '../format/shard.ts';

const describe = (features: Features): string =>
  Object.entries(features)
    .map(([name, f]) => `${name}: ${f.type === 'other' ? f.dtype : shortName(f)}`)
    .join(', ');

/** A column's type in a few words. */
export const shortName = (f: Feature): string => {
  switch (f.type) {
    case 'value':
    case 'other':
      return f.dtype;
    case 'list':
      return `list of ${shortName(f.feature)}`;
    case 'class':
      return `one of ${f.names.length} classes`;
    case 'image':
      return 'image';
    case 'struct':
      return `{${describe(f.members)}}`;
    default:
      return f satisfies never;
  }
};

/** Columns whose values are not read may differ. */
const readable = (features: Features): Features =>
  Object.fromEntries(Object.entries(features).filter(([, { type }]) => type !== 'other'));

/** @throws where a file has other columns than the first; the message names both */
export function checkSameFeatures(shards: readonly OpenShard[]): void {
  const [first, ...others] = shards;
  if (first === undefined) return;
  const key = ({ features }: OpenShard): string => JSON.stringify(featuresToJson(readable(features)));
  const expected = key(first);
  for (const shard of others) {
    if (key(shard) !== expected)
      throw new Error(
        `${shard.url}: has the columns (${describe(shard.features)}), but the first file of its split, ${first.url}, has (${describe(first.features)})`,
      );
  }
}
