/** The schema of a configuration: the sections that all tasks share, and how a task adds its own. */
import { z } from 'zod';
import { captionColumns } from './caption-columns.ts';
import { loraSection } from './lora.ts';
import {
  checkpointsSection,
  column,
  dataFields,
  emaSection,
  evaluationSection,
  optimizerSection,
  runtimeSection,
  scheduleSection,
  swaSection,
  trainingSection,
} from './sections.ts';
import type { Settings } from './tree.ts';

const commonFields = {
  name: z.string().min(1).describe("the run's name, in its report and its folder"),
  seed: z
    .int()
    .min(0)
    .max(2 ** 32 - 1)
    .default(0)
    .describe('seed of initial values, order, augmentation and dropout'),
};

const commonSections = {
  optimizer: optimizerSection,
  schedule: scheduleSection,
  training: trainingSection.prefault({}),
  lora: loraSection,
  ema: emaSection.prefault({}),
  swa: swaSection.prefault({}),
  evaluation: evaluationSection.prefault({}),
  checkpoints: checkpointsSection.prefault({}),
  runtime: runtimeSection.prefault({}),
};

type CommonSections = typeof commonSections;

/**
 * A task's schema: its own sections (`data`, `model`, `loss`, ...) next to those that all tasks have. A section of the task replaces the
 * common one of that name, which it extends: `evaluation: evaluationSection.extend({ ... }).prefault({})`.
 */
export const taskSchema = <Name extends string, Own extends z.ZodRawShape>(task: Name, own: Own) => {
  const common = Object.entries(commonSections).filter(([name]) => !Object.hasOwn(own, name));
  const sections = Object.fromEntries(common) as Omit<CommonSections, keyof Own>;
  return z.strictObject({ task: z.literal(task).describe('what is trained'), ...commonFields, ...own, ...sections });
};

type ColumnSettings<Role extends string> = Record<Role, ReturnType<typeof column>>;

/**
 * A task's `data` section.
 *
 * @param columns the columns that the task reads, each with a description
 * @param more settings that only this task has
 */
export const dataSection = <Role extends string, More extends z.ZodRawShape = Record<never, never>>(
  columns: Readonly<Record<Role, string>>,
  more: More = {} as More,
) => {
  const settings = Object.entries<string>(columns).map(([role, what]) => [role, column(what)]);
  const columnSection = z.strictObject(Object.fromEntries(settings) as ColumnSettings<Role>);
  return z.strictObject({ ...dataFields, ...more, columns: columnSection.prefault({} as never) });
};

const commonSchema = z.object({
  task: z.string(),
  ...commonFields,
  data: z.object({
    ...dataFields,
    captions: captionColumns.optional(),
    columns: z.record(z.string(), z.string().nullable()),
  }),
  ...commonSections,
});

/** A run's resolved configuration, complete and checked: the part that all tasks share. */
export interface RunConfig extends z.infer<typeof commonSchema> {}

/** What the configuration of a task can contain. Needs neither a file system nor Node. */
export interface TaskSettings<Config extends RunConfig = RunConfig> {
  /** The value of the setting `task`. */
  readonly name: string;
  readonly schema: z.ZodType<Config>;
  /** Whole configurations by name, the default first. */
  readonly presets: Readonly<Record<string, Settings>>;
  /** What replaces settings of the default preset for another data set than the preset's; see `ownData` in `own-data.ts`. */
  readonly ownData?: Settings;
  /** Sections that other tasks have and this one cannot have, with the reason. */
  readonly notOffered?: Readonly<Record<string, string>>;
  /** Sections `model` by name, for `model: NAME`. */
  readonly models?: Readonly<Record<string, Settings>>;
}

/** All tasks that a configuration can choose; the first is the default. */
export type TaskCatalog = readonly TaskSettings[];
