/** Opens several data sets as one: `data.sources`. */
import {
  type ColumnMemory,
  type ColumnRequest,
  type Dataset,
  fingerprintDataset,
  SourceError,
  type SourceRoles,
  type SourceSplit,
  Split,
  unifySources,
  usualColumns,
} from '@tessera/data';
import { errorMessage } from '@tessera/data/io';
import type { RunConfig } from '../config/schema.ts';
import { type SourceSettings, sourceNames } from '../config/sources.ts';
import type { Say } from '../tasks/task.ts';
import { limitedCount, limitSplit } from './limit-split.ts';
import { openTaskData } from './open-data.ts';
import type { RunData } from './opened-data.ts';

/** How columns are found, by role. */
const requests: Readonly<Record<string, ColumnRequest>> = {
  ...usualColumns,
  concept: { ...usualColumns.concept, optional: true },
  property: { kind: 'class', names: ['style'] },
};

/** The roles of the task's columns, with the names that they have in all sources together. */
function rolesOf({ data, task }: RunConfig): SourceRoles {
  return Object.fromEntries(
    Object.entries(data.columns).map(([role, name]) => {
      const request = requests[role];
      if (request === undefined)
        throw new Error(`data.sources: the task ${task} reads a column "${role}", which cannot be joined yet`);
      return [role, { ...request, joinedName: name ?? request.names[0] ?? role }];
    }),
  );
}

/** A source whose files are open. */
interface OpenSource extends SourceSplit {
  readonly settings: SourceSettings;
  readonly dataset: Dataset;
}

/** The names of the columns of a source by role: its own, or those of all. */
function columnNames(
  { columns: own, captions }: SourceSettings,
  data: RunConfig['data'],
): Record<string, string | null> {
  const names = { ...data.columns, ...own };
  return captions !== null || (data.captions ?? null) !== null
    ? { ...names, ...('captions' in names && { captions: null }) }
    : names;
}

async function openSource(
  settings: SourceSettings,
  { name, location }: { readonly name: string; readonly location: string },
  { data }: RunConfig,
  say: Say,
  memory: ColumnMemory | null,
): Promise<OpenSource> {
  const columns = columnNames(settings, data);
  const dataset = await openTaskData(location, columns, {
    captions: settings.captions ?? (settings.columns.captions === undefined ? data.captions : null),
    strict: data.strict,
    say: (message) => say(`source ${name}: ${message}`),
    memory,
    memoryName: name,
  });
  try {
    const limits = { ...data, columns, filter: settings.filter ?? data.filter, limitTrain: null };
    const split = await limitSplit(dataset.split(settings.split ?? data.trainSplit), limits);
    if (split.length === 0) throw new Error(`${split.path}, split "${split.name}": has no rows`);
    return { name, weight: settings.weight, split, columns, settings, dataset };
  } catch (error) {
    dataset.close();
    throw error;
  }
}

/** All sources. @throws SourceError where some cannot be opened, or lack columns; the message has all problems */
async function openAll(
  locations: readonly string[],
  config: RunConfig,
  roles: SourceRoles,
  say: Say,
  memory: ColumnMemory | null,
): Promise<OpenSource[]> {
  const settings = config.data.sources ?? [];
  const names = sourceNames(settings);
  const opened: OpenSource[] = [];
  const problems: string[] = [];
  for (const [k, own] of settings.entries()) {
    const name = names[k] as string;
    try {
      opened.push(await openSource(own, { name, location: locations[k] ?? own.url }, config, say, memory));
    } catch (error) {
      problems.push(`source ${name}: ${errorMessage(error).replaceAll('\n', '\n    ')}`);
    }
  }
  if (problems.length === 0) return opened;
  for (const { dataset } of opened) dataset.close();
  throw new SourceError(settings.length, [...problems, ...columnProblems(opened, roles)]);
}

/** What is wrong with the columns of the sources that could be opened. */
function columnProblems(opened: readonly OpenSource[], roles: SourceRoles): readonly string[] {
  try {
    unifySources(opened, roles);
    return [];
  } catch (error) {
    if (error instanceof SourceError) return error.problems;
    throw error;
  }
}

/** The share of each source of the rows that `data.limitTrain` leaves of all of them. */
async function limitAll(sources: readonly OpenSource[], { data }: RunConfig): Promise<OpenSource[]> {
  if (data.limitTrain === null) return [...sources];
  const total = sources.reduce((sum, { split }) => sum + split.length, 0);
  const share = limitedCount(total, data.limitTrain) / total;
  return Promise.all(
    sources.map(async (source) => {
      const limitTrain = Math.max(1, Math.round(source.split.length * share));
      const limits = { ...data, columns: source.columns, filter: null, limitTrain };
      return { ...source, split: await limitSplit(source.split, limits) };
    }),
  );
}

/** A split that is evaluated, and the source that it is of. */
interface Evaluated {
  readonly source: OpenSource;
  /** Its name in the source. */
  readonly split: string;
  /** Its name in the results. */
  readonly name: string;
}

const otherSplits = ({ dataset, split }: OpenSource): string[] =>
  Object.keys(dataset.splits).filter((name) => name !== split.name);

/** The splits to evaluate: those that are named, as SPLIT or SOURCE:SPLIT, or those of the first source that has any. */
function evaluatedSplits(sources: readonly OpenSource[], names: readonly string[] | null): Evaluated[] {
  if (names === null) {
    const source = sources.find((each) => otherSplits(each).length > 0);
    return source === undefined ? [] : otherSplits(source).map((split) => ({ source, split, name: split }));
  }
  return names.map((name) => {
    const plain = sources.find(({ dataset }) => dataset.splits[name] !== undefined);
    if (plain !== undefined) return { source: plain, split: name, name };
    const own = sources.find((each) => name.startsWith(`${each.name}:`));
    const split = name.slice((own?.name.length ?? 0) + 1);
    if (own?.dataset.splits[split] !== undefined) return { source: own, split, name };
    const known = sources.map(({ name: source, dataset }) => `${source}: ${Object.keys(dataset.splits).join(', ')}`);
    throw new Error(`no source has a split "${name}" to evaluate; the splits of ${known.join('; of ')}`);
  });
}

const percent = (share: number): string => `${(100 * share).toFixed(1).replace(/\.0$/, '')} %`;

/**
 * Opens the sources of a run, all of which are checked.
 *
 * @param locations of the sources, in their order
 * @throws SourceError where sources cannot be used, or do not fit together; the message has all problems
 */
export async function openSources(
  locations: readonly string[],
  config: RunConfig,
  say: Say,
  memory: ColumnMemory | null,
): Promise<RunData> {
  const roles = rolesOf(config);
  const opened = await openAll(locations, config, roles, say, memory);
  const close = (): void => {
    for (const { dataset } of opened) dataset.close();
  };
  try {
    const sources = await limitAll(opened, config);
    const viewOf = unifySources(sources, roles);
    const title = config.data.dataset;
    const viewed = sources.map((source) => ({ ...source, split: source.split.withView(viewOf(source)) }));
    const train = Split.join(config.data.trainSplit, title, viewed);
    const total = sources.reduce((sum, { weight }) => sum + weight, 0);
    for (const { name, split, weight } of sources)
      say(`source ${name}: ${split.length} rows, ${percent(weight / total)} of the samples`);
    const evaluated = evaluatedSplits(sources, config.evaluation.splits).map(({ source, split, name }) => {
      say(`evaluated: ${split} of source ${source.name}`);
      const own = source.dataset.split(split).withView(viewOf(source));
      return Split.join(name, source.dataset.path, [{ split: own, name: source.name, weight: 1 }]);
    });
    return {
      train,
      trainParts: viewed.map(({ name, split }) =>
        Split.join(`${train.name} of source ${name}`, split.path, [{ split, name, weight: 1 }]),
      ),
      evaluated,
      close,
      async fingerprint(everyRow) {
        const prints = await Promise.all(
          sources.map(async ({ dataset }, k) =>
            Object.entries(await fingerprintDataset(dataset, everyRow)).map(
              ([split, print]) => [`${split} of source ${k + 1}`, print] as const,
            ),
          ),
        );
        return Object.fromEntries(prints.flat());
      },
    };
  } catch (error) {
    close();
    throw error;
  }
}
