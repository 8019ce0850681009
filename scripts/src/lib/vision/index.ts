import { captionTask, gatedCaptionTask } from './caption.ts';
import { detectTask } from './detect.ts';
import { distillTask } from './distill.ts';
import { maskedTask } from './masked.ts';
import { nativeTask } from './native.ts';
import { questionTasks } from './question.ts';
import { segmentTask } from './segment.ts';
import { thumbnailTask, tilesTask } from './tiles.ts';
import type { VisionTaskKind } from './vision-task.ts';

export { runVisionTask } from './run.ts';

const clothes = { data: 'fashion-mnist', testSplit: 'test' } as const;
/** New things, drawn by hands that are known. */
const newThings = { data: 'emoji', testSplit: 'test_concept' } as const;
/** Known things, drawn by another hand. */
const newDrawings = { data: 'emoji', testSplit: 'test_style' } as const;

/** Tasks by the names that the command line uses. */
export const visionTasks: Readonly<Record<string, VisionTaskKind>> = {
  mae: { ...clothes, make: maskedTask },
  segment: { ...clothes, make: segmentTask },
  detect: { ...clothes, make: detectTask },
  navit: { ...clothes, make: nativeTask },
  deit: { ...clothes, make: distillTask },
  tiles: { ...clothes, make: tilesTask },
  thumbnail: { ...clothes, make: thumbnailTask },
  caption: { ...newDrawings, make: captionTask },
  'caption-gated': { ...newDrawings, make: gatedCaptionTask },
  ...Object.fromEntries(
    Object.entries(questionTasks).map(([fusion, make]) => [`multimodal-${fusion}`, { ...newThings, make }]),
  ),
};
