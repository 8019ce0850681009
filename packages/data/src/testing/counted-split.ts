/** Splits of any number of rows that are made when they are read, and count what is read. */
import type { Value } from '../arrow/column.ts';
import { type Features, feature } from '../arrow/features.ts';
import { Split, type SplitOptions } from '../dataset/split.ts';
import { DamagedRowsError } from '../format/shard.ts';

/** Makes the value of a column in a row. */
export type MakeValue = (row: number) => Value;

export interface CountedSplit {
  readonly split: Split;
  /** A line for each time that a block was read: `column, column: block`. */
  readonly reads: string[];
}

/**
 * A split with text and class columns.
 *
 * @param columns by name: texts, or where their name is `label` numbers of three classes
 * @param blocks the rows of each block
 * @param damaged columns whose blocks are damaged: `column: block`
 */
export function countedSplit(
  columns: Readonly<Record<string, MakeValue>>,
  blocks: readonly number[],
  { damaged = [], ...options }: SplitOptions & { readonly damaged?: readonly string[] } = {},
): CountedSplit {
  const reads: string[] = [];
  const features: Features = Object.fromEntries(
    Object.keys(columns).map((name) => [
      name,
      name === 'label' ? feature.classLabel(['red', 'green', 'blue']) : feature.value('string'),
    ]),
  );
  let first = 0;
  const firstRows = blocks.map((rows) => {
    first += rows;
    return first - rows;
  });
  const shard = {
    url: 'counted',
    format: 'arrow' as const,
    size: 0,
    tag: '',
    features,
    blocks: blocks.map((rows) => ({ rows, bytes: rows })),
    async block(index: number, names: readonly string[]) {
      reads.push(`${names.join(', ')}: ${index}`);
      const broken = names.find((name) => damaged.includes(`${name}: ${index}`));
      if (broken !== undefined) throw new DamagedRowsError(`block ${index} of ${broken} is damaged`);
      return {
        held: 0,
        row: (row: number) =>
          Object.fromEntries(names.map((name) => [name, columns[name]?.((firstRows[index] ?? 0) + row) ?? null])),
      };
    },
    close: () => undefined,
  };
  return { split: new Split('train', 'counted', [shard], options), reads };
}
