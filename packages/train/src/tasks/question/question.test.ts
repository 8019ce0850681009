import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { loadTokenizer } from '@tessera/data';
import { fusionKinds } from '@tessera/models';
import { describe, expect, it } from 'vitest';
import type { MeasuresResult } from '../../evaluation/measures/evaluate.ts';
import { testTask } from '../../testing/task-suite.ts';
import { askAbout, otherClasses, questionsOf } from './questions.ts';
import { questionSettings } from './settings.ts';

const set = [
  'model.vision={imageSize: 16, patchSize: 8, width: 16, layers: 1, heads: 2}',
  'model.text={contextLength: 10, width: 16, layers: 1, heads: 2}',
  ...['model.dim=16', 'model.heads=2', 'data.columns.property=label', 'data.question="is this a {}?"'],
  ...['evaluation.splits=null', 'optimizer.lr=1e-2', 'training.epochs=10'],
];

const names = ['circle', 'square', 'bar'];

const runs = testTask({ preset: 'multimodal-concat', set });

describe('questions about images', () => {
  it('are stored in words: the tokenizer, the questions of the first batch, and those of the examples', async () => {
    const tokenizer = await loadTokenizer(runs.folder('run').tokenizer);
    expect(tokenizer.encode('is this a circle?')).toHaveLength(7);
    const { samples } = runs.folder('run');
    const rows = JSON.parse(await fs.readFile(join(samples, 'training-batch.json'), 'utf8')) as {
      question: string;
      answer: string;
    }[];
    expect(rows).toHaveLength(12);
    for (const { question } of rows) expect(question).toMatch(/^is this a (circle|square|bar)\?$/);
    expect(rows.filter(({ answer }) => answer === 'yes')).toHaveLength(6);
    const [{ examples } = { examples: [] }] = (await runs.evaluate('run')) as MeasuresResult[];
    for (const { lines, right } of examples) {
      expect(lines[0]).toMatch(/^is this a (circle|square|bar)\?$/);
      expect(lines[1]).toMatch(right ? /^(yes|no)$/ : /^(yes, not no|no, not yes)$/);
    }
  });

  it('are answered about single images: those that the model learned, or others', async () => {
    const learned = await runs.predict('run');
    const asked = await runs.predict('run', { questions: ['is this a bar?'] });
    for (const [k, prediction] of learned.entries()) {
      const other = asked[k];
      if (prediction.kind !== 'answers' || other?.kind !== 'answers') throw new Error('these are no answers');
      expect(prediction.answers.map(({ question }) => question)).toEqual(questionsOf(names, 'is this a {}?'));
      expect(other.answers).toEqual([prediction.answers[2]]);
      for (const { name, probability } of prediction.answers) {
        expect(['yes', 'no']).toContain(name);
        expect(probability).toBeGreaterThanOrEqual(0.5);
      }
    }
  });

  it('have the same loss in parts of a batch', async () => {
    const [[inParts], [atOnce]] = [await runs.losses('cut'), await runs.losses('run')];
    expect(inParts).toBeCloseTo(atOnce ?? Number.NaN, 5);
  });

  it('need a column of classes, and a template with a place for the class', async () => {
    await expect(runs.train({ name: 'no-column', set: ['data.columns.property=null'] })).rejects.toThrow(
      'has no column for property: expected a ClassLabel column named style',
    );
    await expect(runs.train({ name: 'no-place', set: ['data.question="is it?"'] })).rejects.toThrow(
      'data.question: needs {} where the name of the class goes',
    );
  });

  it.each(fusionKinds.slice(1))('are answered with %s', async (fusion) => {
    expect(Object.keys(questionSettings.presets)).toContain(`multimodal-${fusion}`);
    const { finished } = await runs.train({ name: fusion, set: [`model.fusion=${fusion}`, 'training.epochs=1'] });
    expect(finished).toBe(true);
  });
});

describe('the questions of a batch', () => {
  const batchOf = (classes: readonly number[], indices = classes.map((_, row) => row)) => ({
    columns: { property: Int32Array.from(classes) },
    indices: Int32Array.from(indices),
    size: classes.length,
  });

  it('name the class', () => {
    expect(questionsOf(['noto-v1', 'twemoji'], 'is it {}?')).toEqual(['is it noto v1?', 'is it twemoji?']);
  });

  it('are about each class equally often in true and in false ones', () => {
    const classes = [2, 0, 1, 1, 0, 2, 3, 2, 1];
    const others = otherClasses(classes);
    expect(others.toSorted()).toEqual(classes.toSorted());
    for (const [row, other] of others.entries()) expect(other).not.toBe(classes[row]);
  });

  it('are half true, the same for the same batch, and others in another order', () => {
    const classes = Array.from({ length: 64 }, (_, row) => row % 2);
    const asked = askAbout(batchOf(classes));
    expect(asked.filter(({ answer }) => answer === 1)).toHaveLength(32);
    for (const [row, each] of asked.entries()) expect(each.answer === 1).toBe(each.asked === classes[row]);
    expect(askAbout(batchOf(classes))).toEqual(asked);
    const reversed = classes.map((_, row) => classes.length - 1 - row);
    expect(askAbout(batchOf(classes, reversed)).map(({ answer }) => answer)).not.toEqual(
      asked.map(({ answer }) => answer),
    );
  });

  it('need a class in each row', () => {
    expect(() => askAbout(batchOf([0, 1, -1]))).toThrow('row 2 has no class to ask about');
  });
});
