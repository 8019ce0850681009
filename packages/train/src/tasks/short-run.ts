/** The common settings of the presets for small experiments: about 1,900 steps of 64 images of clothes, minutes on a few cores. */
import type { Settings } from '../config/tree.ts';

/** A preset: its name and its own sections, with the settings that all short runs share. */
export const shortRun = (name: string, { data = {}, evaluation = {}, ...own }: Record<string, Settings>): Settings => ({
  name,
  data: { dataset: 'fashion-mnist', ...data },
  ...own,
  optimizer: { lr: 2e-3, weightDecay: 0.05, betas: [0.9, 0.999], eps: 1e-8 },
  schedule: { warmupSteps: 0.1 },
  training: { epochs: 2, batchSize: 64, clipGradNorm: 1 },
  evaluation: { limit: 2000, ...evaluation },
});
