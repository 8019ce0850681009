/** The setting `data.sources`: several data sets that are trained on together, each with its share. */
import { z } from 'zod';
import { captionColumns, namedWeight } from './caption-columns.ts';
import { expandColumns } from './column-shorthand.ts';
import { isSettings, type Settings } from './tree.ts';

const sourceSchema = z.strictObject({
  url: z.string().min(1).describe('what data.dataset can be'),
  weight: z.number().positive().default(1).describe('share of the samples, in proportion to the sum of all weights'),
  name: z
    .string()
    .regex(/^[^:]+$/, 'may not contain a colon')
    .nullable()
    .default(null)
    .describe('for messages and evaluation.splits; null: the last part of the url'),
  split: z.string().nullable().default(null).describe('split to train on; null: data.trainSplit'),
  filter: z.string().nullable().default(null).describe('condition on its training rows; null: data.filter'),
  captions: captionColumns.describe('columns with captions; null: data.captions').meta({ flag: undefined }),
  columns: z
    .record(z.string(), z.string())
    .default({})
    .describe('names of its columns: image, captions, label, ...; others are those of data.columns'),
});

export const sourcesSetting = z
  .array(sourceSchema)
  .min(1)
  .nullable()
  .default(null)
  .describe(
    'several data sets in place of data.dataset, trained on together: [{url, weight, name, split, filter, image, caption, label}, ...], or --data A --data B:2; null: one',
  );

export type SourceSettings = z.infer<typeof sourceSchema>;

/** A source from `URL` or `URL:WEIGHT`. The port of an address is no weight. */
function sourceOf(text: string): Settings {
  const isPort = /:\/\/(\[[^\]]*\]|[^/:]*):\d+$/.test(text);
  const [url, weight] = isPort ? [text, 1] : namedWeight(text);
  return weight === 1 && url === text ? { url } : { url, weight };
}

/** The last part of a path or address that is not a pattern or a file, or the name of a known data set. It names a folder. */
export const lastPart = (path: string): string => {
  const parts = path
    .replace(/\?.*$/, '')
    .split(/[/\\]/)
    .filter((part) => !/^\.*$|[*?{[:]/.test(part));
  return parts.findLast((part) => !/\.(parquet|pq|tar|arrow)$/.test(part)) ?? parts.at(-1) ?? 'data';
};

/** The names of the sources, each different from the others. */
export function sourceNames(sources: readonly Pick<SourceSettings, 'url' | 'name'>[]): string[] {
  const names: string[] = [];
  const folders = sources.map(({ url }) => lastPart(url));
  for (const { url, name } of sources) {
    const folder = lastPart(url);
    // Files of one folder are told apart by their own names.
    const isShared = folders.filter((other) => other === folder).length > 1;
    const own = name ?? (isShared ? fileName(url) : folder);
    const isTaken = (candidate: string): boolean => names.includes(candidate);
    let unique = own;
    for (let k = 2; isTaken(unique); k++) unique = `${own}-${k}`;
    names.push(unique);
  }
  return names;
}

/** The last part of a path or address, without its ending. */
const fileName = (path: string): string =>
  path
    .replace(/\?.*$/, '')
    .replace(/[/\\]+$/, '')
    .replace(/^.*[/\\]/, '')
    .replace(/\.[a-z]+$/i, '')
    .replaceAll(':', '-') || 'data';

/** All sources in words, which take the place of the name of a data set. */
const describeSources = (sources: readonly Settings[]): string =>
  sources.map(({ url, weight = 1 }) => (weight === 1 ? String(url) : `${url}:${weight}`)).join(' + ');

/**
 * Completes a layer of settings: sources that are texts become sections with their weights, and `data.dataset` tells all of them. A layer that
 * names one data set ends the list of the layers below.
 */
export function expandSources(settings: Settings): Settings {
  const { data } = settings;
  if (!isSettings(data)) return settings;
  const { sources } = data;
  if (!Array.isArray(sources))
    return data.dataset === undefined ? settings : { ...settings, data: { sources: null, ...data } };
  const expanded = sources.map((source: unknown) =>
    typeof source === 'string' ? sourceOf(source) : isSettings(source) ? expandSourceColumns(source) : source,
  );
  const dataset = describeSources(expanded.filter(isSettings));
  return { ...settings, data: { ...data, sources: expanded, dataset } };
}

/** The columns of a source, which are written next to its other settings. */
function expandSourceColumns(source: Settings): Settings {
  return expandColumns({ data: source }).data as Settings;
}
