/** The settings of a run on other data than those of the default preset. */
import type { TaskSettings } from './schema.ts';
import { lastPart } from './sources.ts';
import { isSettings, mergeSettings, type Settings, valueAt } from './tree.ts';

/**
 * A default preset is made for one data set: its name, image size, augmentation and warm-up belong to that set. For any other data set the
 * run is named after the data and the task, images are cropped as CLIP's are, the warm-up follows the length of the run, and `ownData` of
 * the task replaces the rest.
 *
 * @param preset the task's default preset
 * @param dataset name or path of the data set that was asked for
 * @param sources the data sets in place of it
 */
export function ownData(preset: Settings, task: TaskSettings, dataset: unknown, sources: unknown): Settings {
  const named = Array.isArray(sources)
    ? sources.map((source) => lastPart(String(isSettings(source) ? source.url : source)))
    : null;
  if (named === null && (typeof dataset !== 'string' || dataset === valueAt(preset, ['data', 'dataset'])))
    return preset;
  const common: Settings = {
    name: `${named?.slice(0, 3).join('-') ?? lastPart(String(dataset))}-${task.name}`,
    data: { augmentation: 'clip' },
    schedule: { warmupSteps: null },
  };
  return mergeSettings(mergeSettings(preset, common), task.ownData ?? {}) as Settings;
}
