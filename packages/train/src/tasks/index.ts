/** All tasks. The first is the default. */
import { caption } from './caption/index.ts';
import { classify } from './classify/index.ts';
import { contrastive } from './contrastive/index.ts';
import { detect } from './detect/index.ts';
import { distill } from './distill/index.ts';
import { mae } from './mae/index.ts';
import { multiLabel } from './multi-label/index.ts';
import { navit } from './navit/index.ts';
import { question } from './question/index.ts';
import { segment } from './segment/index.ts';
import type { Task } from './task.ts';
import { tiles } from './tiles/index.ts';
import { vq } from './vq/index.ts';

export const tasks: readonly Task[] = [
  contrastive,
  classify,
  multiLabel,
  vq,
  mae,
  segment,
  detect,
  distill,
  navit,
  tiles,
  caption,
  question,
];

/** The task of a run that starts from another model (`--from`) without naming a task. */
export const taskFromCheckpoint: Task = classify;

/** @throws where there is no task of that name */
export function taskNamed(name: string): Task {
  const task = tasks.find((known) => known.name === name);
  if (task === undefined)
    throw new Error(`there is no task ${name}; the tasks are ${tasks.map((known) => known.name).join(', ')}`);
  return task;
}
