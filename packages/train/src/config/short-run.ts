/** The settings of a run that is shorter than its preset. */
import { defaultWarmup } from '../optim/schedule.ts';
import { mergeSettings, type Settings, valueAt } from './tree.ts';

/**
 * A preset's warm-up, as a number of steps, is made for its length. With a smaller `training.maxSteps` it becomes the default of a run that
 * sets none, unless it is smaller anyway.
 *
 * @param asked the settings that go over the preset; a warm-up among them is kept
 */
export function shortenWarmup(preset: Settings, asked: Settings): Settings {
  const steps = valueAt(asked, ['training', 'maxSteps']);
  const warmup = valueAt(preset, ['schedule', 'warmupSteps']);
  if (valueAt(asked, ['schedule', 'warmupSteps']) !== undefined) return preset;
  if (typeof steps !== 'number' || typeof warmup !== 'number' || warmup < 1 || warmup <= defaultWarmup(steps))
    return preset;
  return mergeSettings(preset, { schedule: { warmupSteps: null } }) as Settings;
}
