/** The list of tasks. The first is the default. */
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

const known: Task[] = [
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

/** All tasks, those of programs included. */
export const tasks: readonly Task[] = known;

/**
 * Adds a task of a program's own: configurations, commands and runs then know it by its name. `tessera train --import FILE` loads the file
 * that calls this.
 *
 * @throws where there is another task of that name
 */
export function registerTask(task: Task): void {
  if (known.some(({ name }) => name === task.name)) throw new Error(`there is a task ${task.name} already`);
  known.push(task);
}

/** The task of a run that starts from another model (`--from`) without naming a task. */
export const taskFromCheckpoint: Task = classify;

/** @throws where there is no task of that name */
export function taskNamed(name: string): Task {
  const task = tasks.find((other) => other.name === name);
  if (task === undefined)
    throw new Error(`there is no task ${name}; the tasks are ${tasks.map((other) => other.name).join(', ')}`);
  return task;
}
