/** How often a run evaluates: what the setting `auto` means. */
/** The settings that decide how often a run evaluates. */
interface Settings {
  readonly evaluation: { readonly everyEpochs: number | 'auto' | null };
  readonly schedule: { readonly kind: string };
  readonly training: { readonly earlyStopping: { readonly patience: number | null } };
  readonly checkpoints: { readonly best: number; readonly metric: string | null; readonly model: 'last' | 'best' };
  readonly swa: { readonly startEpoch: number | null };
}

/** Whether something follows the evaluations during a run: the learning rate, its end, or the checkpoints that are kept. */
const isFollowed = ({ training: { earlyStopping }, schedule, checkpoints }: Settings): boolean =>
  schedule.kind === 'plateau' ||
  earlyStopping.patience !== null ||
  checkpoints.best > 1 ||
  checkpoints.metric !== null ||
  checkpoints.model === 'best';

/**
 * The epochs from one evaluation to the next that every run with these settings makes, whatever time they take; null: only at the end.
 * With `auto` these are all epochs if something follows the evaluations.
 */
export function plannedInterval(settings: Settings): number | null {
  const { everyEpochs } = settings.evaluation;
  if (everyEpochs !== 'auto') return everyEpochs;
  return isFollowed(settings) ? 1 : null;
}

/**
 * Whether a run also evaluates after other epochs, if that takes little time (`PacedEvaluation`). Not with stochastic weight averaging: an
 * evaluation of the averages needs a pass over the training data, whose results are part of the checkpoints.
 */
export const isPaced = (settings: Settings): boolean =>
  settings.evaluation.everyEpochs === 'auto' && plannedInterval(settings) === null && settings.swa.startEpoch === null;
