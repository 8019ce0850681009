/** The settings of a run on other data than those of the default preset. */
import type { TaskSettings } from './schema.ts';
import { mergeSettings, type Settings, valueAt } from './tree.ts';

/** The last part of a path or address that has no wildcards and is no file, or the name of a known data set. It names a folder. */
const lastPart = (path: string): string => {
  const parts = path
    .replace(/\?.*$/, '')
    .split(/[/\\]/)
    .filter((part) => !/^\.*$|[*?{[:]/.test(part));
  return parts.findLast((part) => !/\.(parquet|pq|tar|arrow)$/.test(part)) ?? parts.at(-1) ?? 'data';
};

/**
 * A default preset is made for one data set: its name, image size, augmentation and warm-up belong to that set. For any other data set the
 * run is named after the data and the task, images are cropped as CLIP's are, the warm-up follows the length of the run, and `ownData` of
 * the task replaces the rest.
 *
 * @param preset the task's default preset
 * @param dataset name or path of the data set that was asked for
 */
export function ownData(preset: Settings, task: TaskSettings, dataset: unknown): Settings {
  if (typeof dataset !== 'string' || dataset === valueAt(preset, ['data', 'dataset'])) return preset;
  const common: Settings = {
    name: `${lastPart(dataset)}-${task.name}`,
    data: { augmentation: 'clip' },
    schedule: { warmupSteps: null },
  };
  return mergeSettings(mergeSettings(preset, common), task.ownData ?? {}) as Settings;
}
