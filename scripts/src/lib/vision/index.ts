import { detectTask } from './detect.ts';
import { maskedTask } from './masked.ts';
import { nativeTask } from './native.ts';
import { segmentTask } from './segment.ts';
import type { TaskOptions, VisionTask } from './vision-task.ts';

export { runVisionTask } from './run.ts';
export type { VisionTask } from './vision-task.ts';

/** Tasks by the names that the command line uses. */
export const visionTasks: Readonly<Record<string, (options: TaskOptions) => VisionTask>> = {
  mae: maskedTask,
  segment: segmentTask,
  detect: detectTask,
  navit: nativeTask,
};
