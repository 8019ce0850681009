/** Views of files: columns under other names, texts of several columns as one, classes with other numbers. */
import type { Value } from '../arrow/column.ts';
import { type Feature, type Features, feature } from '../arrow/features.ts';
import { weightedTextsFeature } from '../loader/texts.ts';
import type { ColumnView, ViewColumn } from './column-view.ts';
import type { Block, OpenShard, Row } from './shard.ts';

/** The file's columns that a column of a view needs. */
const sourcesOf = ({ from }: ViewColumn): string[] =>
  typeof from === 'string' ? [from] : (from ?? []).map(({ column }) => column);

function featureOf(column: ViewColumn, features: Features): Feature {
  switch (column.kind) {
    case 'column':
      return features[column.from] as Feature;
    case 'image':
      return feature.image();
    case 'integer':
      return feature.value('int64');
    case 'texts':
      return weightedTextsFeature;
    case 'class': {
      const one = feature.classLabel(column.names);
      return column.isList ? feature.list(one) : one;
    }
    default:
      return column satisfies never;
  }
}

/** A function from a row of the file to the value in the view. */
function reader(column: ViewColumn): (row: Row) => Value {
  switch (column.kind) {
    case 'column':
      return (row) => row[column.from] ?? null;
    case 'image':
      return (row) => {
        const value = row[column.from] ?? null;
        return value instanceof Uint8Array ? { bytes: value, path: null } : value;
      };
    case 'integer':
      return ({ [column.from ?? '']: value }) =>
        typeof value === 'number' ? value * column.factor + column.offset : null;
    case 'texts':
      return (row) =>
        column.from.map(({ column: name, weight }) => ({
          weight,
          texts: [row[name] ?? null].flat().filter((text) => typeof text === 'string'),
        }));
    case 'class': {
      const places = column.values === null ? null : new Map(column.values.map((value, k) => [value, k]));
      const numberOf = (value: Value): Value => {
        const k = places === null ? value : places.get(value as string | number);
        return column.numbers[(k ?? -1) as number] ?? null;
      };
      return ({ [column.from]: value = null }) =>
        Array.isArray(value) ? (value as Value[]).map(numberOf).filter((k) => k !== null) : numberOf(value);
    }
    default:
      return column satisfies never;
  }
}

/** A file with other columns; see `ColumnView`. @throws where the file does not have a column that the view needs */
export function viewShard(shard: OpenShard, view: ColumnView): OpenShard {
  const { columns, keepOthers } = view;
  const missing = Object.values(columns)
    .flatMap(sourcesOf)
    .filter((name) => shard.features[name] === undefined);
  if (missing.length > 0)
    throw new Error(
      `${shard.url}: no column ${missing.map((name) => `"${name}"`).join(', ')}; its columns are ${Object.keys(shard.features).join(', ')}`,
    );
  const readers = new Map(Object.entries(columns).map(([name, column]) => [name, reader(column)]));
  const features: Features = {
    ...(keepOthers && shard.features),
    ...Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, featureOf(column, shard.features)])),
  };
  return {
    ...shard,
    features,
    views: [...(shard.views ?? []), view],
    async block(index, names) {
      const needed = new Set(names.flatMap((name) => (columns[name] ? sourcesOf(columns[name]) : [name])));
      const block = await shard.block(index, [...needed]);
      return viewBlock(block, names, readers);
    },
    close: () => shard.close(),
  };
}

const viewBlock = (
  block: Block,
  names: readonly string[],
  readers: ReadonlyMap<string, (row: Row) => Value>,
): Block => ({
  get held() {
    return block.held;
  },
  row(index) {
    const row = block.row(index);
    return Object.fromEntries(names.map((name) => [name, readers.get(name)?.(row) ?? row[name] ?? null]));
  },
});
