/** Running statistics of batch normalization for weights that were not trained themselves, such as averages. */
import { BatchNorm1d, BatchNorm2d, BatchNorm3d, type Module } from '@tessera/nn';
import { ones, zeros } from '@tessera/tensor';

type BatchNorm = BatchNorm1d | BatchNorm2d | BatchNorm3d;

const isBatchNorm = (module: Module): module is BatchNorm =>
  module instanceof BatchNorm1d || module instanceof BatchNorm2d || module instanceof BatchNorm3d;

/** The layers of batch normalization with running statistics that are in training mode: those in evaluation mode are frozen. */
export const trainedBatchNorms = (model: Module): BatchNorm[] =>
  [...model.namedModules()].flatMap(([, module]) =>
    isBatchNorm(module) && module.running_mean !== null && module.training ? [module] : [],
  );

/**
 * Computes the running statistics of batch normalization again, as the mean over all batches of `pass`, as
 * `torch.optim.swa_utils.update_bn`. The layers that are in training mode before the call are updated, so put the model into training mode
 * first; what is frozen in evaluation mode keeps its statistics.
 *
 * @param pass calls the model with every batch. A compiled function must be a new one: one that was recorded before has the layers' momentum.
 */
export async function updateBn(model: Module, pass: () => void | Promise<void>): Promise<void> {
  const layers = trainedBatchNorms(model);
  if (layers.length === 0) return;
  const momenta = layers.map(({ momentum }) => momentum);
  for (const { running_mean, running_var, num_batches_tracked, numFeatures } of layers) {
    running_mean?.assign(zeros([numFeatures], { dtype: running_mean.dtype }));
    running_var?.assign(ones([numFeatures], { dtype: running_var.dtype }));
    num_batches_tracked?.assign(zeros([], { dtype: 'i32' }));
  }
  try {
    for (const layer of layers) setMomentum(layer, null);
    await pass();
  } finally {
    for (const [k, layer] of layers.entries()) setMomentum(layer, momenta[k] ?? null);
  }
}

/** Without a momentum, the running statistics are the mean over all batches. */
function setMomentum(layer: BatchNorm, momentum: number | null): void {
  (layer as { momentum: number | null }).momentum = momentum;
}
