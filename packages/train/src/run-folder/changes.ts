/** The differences between the configuration of a checkpoint and that of the run that continues from it. */
import { mergeSettings, valueAt } from '../config/tree.ts';
import { differingSettings } from '../loop/checkpoint.ts';

/** Settings that may change when a run is resumed, because they do not affect the rest of its training. */
const free = [
  /^name$/,
  /^evaluation\./,
  /^checkpoints\./,
  /^training\.earlyStopping\./,
  /^runtime\./,
  /^data\.(dataset|workers|prefetch|cacheMegabytes|readAheadMegabytes)$/,
  /^initialize\./,
];

/** Settings of the run's length: a larger number continues the run. */
const growing = ['training.epochs', 'training.maxSteps'];

/** The changed settings that would affect the training of a resumed run. */
export function changedSettings(before: unknown, now: unknown): { key: string; first: string; second: string }[] {
  return differingSettings(withoutPlaces(before), withoutPlaces(now)).filter(
    ({ key, first, second }) =>
      !free.some((pattern) => pattern.test(key)) && !(growing.includes(key) && Number(second) > Number(first)),
  );
}

/** A configuration without the places and names of its sources, which may move as `data.dataset` may. */
function withoutPlaces(config: unknown): unknown {
  const sources = valueAt(config, ['data', 'sources']);
  if (!Array.isArray(sources)) return config;
  const others = sources.map((source: unknown) => mergeSettings(source, { url: '', name: '' }));
  return mergeSettings(config, { data: { sources: others } });
}
