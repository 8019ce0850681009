import { grad } from '@tessera/autograd';
import { manualSeed, setDefaultBackend } from '@tessera/tensor';
import { AdamW, type Batch } from '@tessera/train';
import { beforeAll, describe, expect, test } from 'vitest';
import { visionTasks } from './index.ts';
import { labelsOf } from './vision-task.ts';

beforeAll(() => {
  setDefaultBackend('wasm');
  manualSeed(12);
});

/** Pictures of a bright bar, upright or lying, by their label. */
function batchOf(size: number, side: number): Batch {
  const labels = Int32Array.from({ length: size }, (_, k) => k % 2);
  const images = new Uint8Array(size * side * side * 3);
  for (let n = 0; n < size; n++)
    for (let y = 0; y < side; y++)
      for (let x = 0; x < side; x++) {
        const across = labels[n] === 0 ? x : y;
        if (Math.abs(across - side / 2) < side / 6)
          images.fill(255, ((n * side + y) * side + x) * 3, ((n * side + y) * side + x + 1) * 3);
      }
  const none = Array.from({ length: size }, () => []);
  return {
    images,
    labels,
    size,
    captions: none,
    caption: none.map(() => ''),
    picked: none,
    concepts: labels,
    indices: Int32Array.from({ length: size }, (_, k) => k),
  };
}

describe.each(Object.entries(visionTasks))('%s', (_, make) => {
  test('learns, and is measured', async () => {
    const task = make({ classes: 2 });
    const inputs = task.inputs(batchOf(8, task.imageSize));
    const optimizer = new AdamW(task.model.namedParameters(), { weightDecay: 0 });
    const losses: number[] = [];
    for (let k = 0; k < 6; k++) {
      const loss = task.loss(...inputs);
      optimizer.step(grad(loss, task.model.parameters()), 1e-3);
      losses.push(await loss.item());
    }
    expect(losses.at(-1)).toBeLessThan(losses[0]);
    task.model.eval();
    const measures = Object.entries(task.measures(...inputs));
    expect(measures.length).toBeGreaterThan(0);
    for (const [name, value] of measures) expect(Number.isFinite(await value.item()), name).toBe(true);
  });
});

test('labels beyond the classes are refused', () => {
  expect(() => labelsOf(batchOf(4, 8), { classes: 1 })).toThrow('row 1 has label 1, where one of 1 classes is needed');
});
