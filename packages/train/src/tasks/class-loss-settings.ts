/** The section `loss` of tasks whose images have one class each. */
import { z } from 'zod';
import { share } from '../config/sections.ts';

/** What `loss.classWeights` can be, besides null. */
const classWeights = z.union([z.enum(['balanced', 'effectiveNumber']), z.record(z.string(), z.number().nonnegative())]);

/** The default of `effectiveNumberBeta`, with which Cui et al. begin. */
export const defaultBeta = 0.999;

/** The settings of the loss of class labels. */
export const classLossFields = {
  labelSmoothing: share.default(0).describe('share of the true target that is spread evenly over all classes'),
  classWeights: classWeights
    .nullable()
    .default(null)
    .describe(
      'factor on the loss of each class; balanced: images / (classes * images of the class); effectiveNumber: see loss.effectiveNumberBeta; {name: factor, ...}: 1 for the others; null: 1',
    ),
  effectiveNumberBeta: share
    .lt(1)
    .default(defaultBeta)
    .describe('for classWeights=effectiveNumber: factors (1 - beta) / (1 - beta^images) with a mean of 1'),
};

export const classLossSection = z.strictObject(classLossFields);

export type ClassLossSettings = z.infer<typeof classLossSection>;
