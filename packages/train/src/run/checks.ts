/** What is checked before a run trains its first step: its settings, and whether a checkpoint fits them and the data. */
import { fingerprintChanges, type SplitFingerprint } from '@tessera/data';
import { getBackend } from '@tessera/tensor';
import { resolveConfig } from '../config/resolve.ts';
import type { RunConfig } from '../config/schema.ts';
import type { Settings } from '../config/tree.ts';
import type { Checkpoint, CheckpointState } from '../loop/checkpoint.ts';
import { changedSettings } from '../run-folder/changes.ts';
import { tasks } from '../tasks/index.ts';

/** @throws where the run would continue with other settings or other data than its checkpoint has; the message lists them */
export function checkUnchanged(
  { path, state }: Checkpoint,
  config: RunConfig,
  fingerprint: Readonly<Record<string, SplitFingerprint>>,
): void {
  const changes = [
    ...changedSettings(currentForm(state.config), config).map(
      ({ key, first, second }) => `${key} was ${first}, is ${second}`,
    ),
    ...fingerprintChanges(state.dataset ?? {}, fingerprint),
  ];
  if (changes.length > 0)
    throw new Error(
      [
        `${path}: settings or data have changed since this checkpoint was written`,
        ...changes,
        'resume with the original settings and data, or accept the changes with --allow-changes',
      ].join('\n  '),
    );
}

/** A configuration in the form of this version, whichever version wrote it. */
function currentForm(config: unknown): unknown {
  try {
    return resolveConfig(config as Settings, [], tasks);
  } catch {
    // A configuration that this version cannot read is compared in its old form.
    return config;
  }
}

export function checkAccumulation({ training: { batchSize, accumulate } }: RunConfig): void {
  if (batchSize % accumulate !== 0)
    throw new Error(
      `training.accumulate is ${accumulate}, which does not divide training.batchSize, ${batchSize}: the parts of a batch must be equal`,
    );
}

export function checkPrecision({ training }: RunConfig): void {
  const { kind: precision } = training.precision;
  const reason = getBackend().whyUnsupported?.(precision) ?? null;
  if (reason !== null)
    throw new Error(
      `training.precision is ${precision}, which this backend does not support: ${reason}. ` +
        `Choose ${precision === 'f16' ? 'bf16 (half the memory, where the backend has it) or ' : ''}f32`,
    );
}

/** A position within an epoch is only valid if the epoch consists of the same batches. */
export function checkSameData({ path, state }: Checkpoint, data: CheckpointState['data']): void {
  if (state.batch === 0) return;
  const keys = new Set([...Object.keys(data), ...Object.keys(state.data)]);
  const changed = [...keys].filter((key) => state.data[key] !== data[key]);
  if (changed.length === 0) return;
  throw new Error(
    [
      `${path}: the checkpoint is mid-epoch, and batch size, seed, data or the order of their rows have changed since`,
      ...changed.map((key) => `${key} was ${state.data[key] ?? 'not set'}, is ${data[key] ?? 'not set'}`),
      'resume with the original settings or from an epoch boundary',
    ].join('\n  '),
  );
}
