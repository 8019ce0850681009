import { grad } from '@tessera/autograd';
import type { Batch } from '@tessera/data';
import { manualSeed, setDefaultBackend } from '@tessera/tensor';
import { AdamW } from '@tessera/train';
import { beforeAll, describe, expect, test } from 'vitest';
import { visionTasks } from './index.ts';
import { askAbout, otherClasses } from './question.ts';
import { labelsOf, type SplitContents } from './vision-task.ts';

beforeAll(() => {
  setDefaultBackend('wasm');
  manualSeed(12);
});

const captions = ['an upright bar', 'a lying bar'];

/** What tasks learn their words from. */
const train = {
  path: 'bars',
  name: 'train',
  features: {
    style: { type: 'class', names: ['up-right', 'lying'] },
  },
  length: 2,
  row: (index: number) => ({ captions: [captions[index] as string] }),
} satisfies SplitContents;

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
  const caption = Array.from(labels, (label) => captions[label] as string);
  return {
    images,
    labels,
    size,
    captions: caption.map((text) => [text]),
    caption,
    picked: caption.map((text) => [text]),
    concepts: labels,
    indices: Int32Array.from({ length: size }, (_, k) => k),
  };
}

describe.each(Object.entries(visionTasks))('%s', (_, kind) => {
  test('learns, and is measured', async () => {
    const task = kind.make({ classes: 2, train });
    const inputs = task.inputs(batchOf(8, task.imageSize));
    const optimizer = new AdamW(task.model.namedParameters(), { weightDecay: 0 });
    const losses: number[] = [];
    // The more a model has to look at, the longer it takes to begin.
    const enough = (): boolean => (losses.at(-1) as number) < 0.95 * (losses[0] as number);
    while (losses.length < 60 && !enough()) {
      const loss = task.loss(...inputs);
      optimizer.step(grad(loss, task.model.parameters()), 5e-4);
      losses.push(await loss.item());
    }
    expect(enough(), losses.join(' ')).toBe(true);
    task.model.eval();
    const measures = Object.entries(task.measures(...inputs));
    expect(measures.length).toBeGreaterThan(0);
    for (const [name, value] of measures) expect(Number.isFinite(await value.item()), name).toBe(true);
  });
});

test('labels beyond the classes are refused', () => {
  expect(() => labelsOf(batchOf(4, 8), { classes: 1 })).toThrow('row 1 has label 1, where one of 1 classes is needed');
});

describe('questions about pictures', () => {
  test('each class is asked about in vain as often as it occurs', () => {
    const classes = [2, 0, 1, 1, 0, 2, 3, 2, 1];
    const others = otherClasses(classes);
    expect(others.toSorted()).toEqual(classes.toSorted());
    for (const [row, other] of others.entries()) expect(other).not.toBe(classes[row]);
  });

  test('half of the answers are yes; the same batch is asked the same, another order something else', () => {
    const batch = batchOf(64, 2);
    const { asked, answers } = askAbout(batch);
    expect(answers.filter((answer) => answer === 1)).toHaveLength(32);
    for (const [row, answer] of answers.entries()) expect(asked[row] === batch.labels[row]).toBe(answer === 1);
    expect(askAbout(batch)).toEqual({ asked, answers });
    expect(askAbout({ ...batch, indices: batch.indices.toReversed() }).answers).not.toEqual(answers);
  });

  test('a data set without the column is refused', () => {
    expect(() => visionTasks['multimodal-concat']?.make({ classes: 2, train: { ...train, features: {} } })).toThrow(
      'asking about pictures needs the class column style',
    );
  });
});

test('a teacher that has been taught stays as it is', async () => {
  const { model, teacher, inputs, loss } = visionTasks.deit?.make({ classes: 2, train }) ?? {};
  if (!model || !teacher || !inputs || !loss) throw new Error('deit: has no teacher');
  teacher.model.eval();
  const before = await Promise.all([...teacher.model.stateDict().values()].map((value) => value.data()));
  const step = loss(...inputs(batchOf(8, 64)));
  new AdamW(model.namedParameters(), { weightDecay: 0 }).step(grad(step, model.parameters()), 1e-2);
  await step.item();
  const after = await Promise.all([...teacher.model.stateDict().values()].map((value) => value.data()));
  expect(after).toEqual(before);
});
