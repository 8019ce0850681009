/** The settings that choose a measure of the evaluations, for a schedule and for whatever else follows one. */
import { z } from 'zod';

/** The directions in which a measure can be better. */
export const modes = ['min', 'max'] as const;

export const measureFields = {
  metric: z
    .string()
    .nullable()
    .default(null)
    .describe("measure of the first evaluated split that decides; null: the task's main measure"),
  mode: z
    .enum(modes)
    .nullable()
    .default(null)
    .describe('whether smaller or larger values are better; null: as for the main measure'),
};
