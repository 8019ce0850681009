/** Which checkpoints are the best, and when a run ends early: the rules, compared with PyTorch Lightning 2.6. */
import { CounterRandom, purpose } from '@tessera/data';
import { describe, expect, it, test } from 'vitest';
import { bestOf, type EvaluatedCheckpoint } from './best-checkpoints.ts';
import { type EarlyStoppingRule, type EarlyStoppingState, observeEvaluation, reasonToStop } from './early-stopping.ts';
import { checkMeasure, chosenMeasure, isBetter } from './measure.ts';

const measureOf = (mode: 'min' | 'max') =>
  chosenMeasure('checkpoints', { metric: 'm', mode }, { name: 'top1', better: 'higher' });

const evaluated = (value: number | null, step: number): EvaluatedCheckpoint => ({
  step,
  split: 'test',
  values: { m: value },
});

/** The number of the evaluation after which a run ends, from 1; null: it does not. */
function endOf(rule: EarlyStoppingRule, values: readonly (number | null)[]): number | null {
  let state: EarlyStoppingState | null = null;
  for (const [k, value] of values.entries()) {
    state = observeEvaluation(rule, state, evaluated(value, k + 1), k + 1);
    if (reasonToStop(rule, state) !== null) return k + 1;
  }
  return null;
}

/**
 * Runs of 10 evaluations with these values, in eighths, by `Trainer` of pytorch-lightning 2.6.6, with `EarlyStopping` (patience, minDelta in
 * eighths: it ended after `evaluations`), and with `ModelCheckpoint` (save_top_k: it kept the epochs `kept`, the best was `first`).
 */
const lightning = [
  {
    values: [5, 2, 6, 0, 1, 8, 1, 5, 0, 8],
    mode: 'min',
    patience: 1,
    minDelta: 0,
    evaluations: 3,
    count: 1,
    kept: [4],
    first: 4,
  },
  {
    values: [3, 0, 1, 6, 6, 1, 3, 1, 8, 6],
    mode: 'max',
    patience: 1,
    minDelta: 0,
    evaluations: 2,
    count: 2,
    kept: [5, 9],
    first: 9,
  },
  {
    values: [0, 1, 3, 0, 6, 0, 3, 0, 8, 2],
    mode: 'min',
    patience: 1,
    minDelta: 1,
    evaluations: 2,
    count: 3,
    kept: [1, 4, 6],
    first: 1,
  },
  {
    values: [4, 6, 2, 8, 1, 4, 8, 2, 1, 3],
    mode: 'max',
    patience: 1,
    minDelta: 1,
    evaluations: 3,
    count: 1,
    kept: [4],
    first: 4,
  },
  {
    values: [5, 1, 8, 1, 0, 3, 7, 8, 6, 5],
    mode: 'min',
    patience: 2,
    minDelta: 2,
    evaluations: 4,
    count: 2,
    kept: [4, 5],
    first: 5,
  },
  {
    values: [7, 7, 5, 4, 3, 2, 3, 1, 4, 8],
    mode: 'max',
    patience: 2,
    minDelta: 2,
    evaluations: 3,
    count: 3,
    kept: [1, 2, 10],
    first: 10,
  },
  {
    values: [7, 5, 7, 4, 1, 1, 8, 6, 2, 5],
    mode: 'min',
    patience: 2,
    minDelta: 0,
    evaluations: 7,
    count: 1,
    kept: [5],
    first: 5,
  },
  {
    values: [2, 7, 6, 0, 1, 8, 5, 5, 5, 7],
    mode: 'max',
    patience: 2,
    minDelta: 0,
    evaluations: 4,
    count: 2,
    kept: [2, 6],
    first: 6,
  },
  {
    values: [7, 1, 1, 4, 7, 1, 0, 4, 7, 4],
    mode: 'min',
    patience: 3,
    minDelta: 1,
    evaluations: 5,
    count: 3,
    kept: [3, 6, 7],
    first: 7,
  },
  {
    values: [6, 5, 0, 7, 5, 2, 1, 7, 0, 3],
    mode: 'max',
    patience: 3,
    minDelta: 1,
    evaluations: 4,
    count: 1,
    kept: [4],
    first: 4,
  },
  {
    values: [4, 2, 3, 6, 6, 7, 1, 2, 7, 6],
    mode: 'min',
    patience: 3,
    minDelta: 2,
    evaluations: 4,
    count: 2,
    kept: [2, 7],
    first: 7,
  },
  {
    values: [8, 4, 2, 6, 8, 4, 6, 5, 6, 3],
    mode: 'max',
    patience: 3,
    minDelta: 2,
    evaluations: 4,
    count: 3,
    kept: [1, 4, 5],
    first: 1,
  },
  {
    values: [2, 1, 2, 2, 3, 3, 0, 7, 2, 4],
    mode: 'min',
    patience: 4,
    minDelta: 0,
    evaluations: 6,
    count: 1,
    kept: [7],
    first: 7,
  },
  {
    values: [4, 0, 2, 6, 8, 5, 5, 2, 8, 0],
    mode: 'max',
    patience: 4,
    minDelta: 0,
    evaluations: 9,
    count: 2,
    kept: [5, 9],
    first: 5,
  },
  {
    values: [7, 8, 6, 6, 6, 6, 1, 7, 6, 0],
    mode: 'min',
    patience: 4,
    minDelta: 1,
    evaluations: 5,
    count: 3,
    kept: [5, 7, 10],
    first: 10,
  },
  {
    values: [3, 1, 3, 7, 2, 1, 5, 0, 1, 0],
    mode: 'max',
    patience: 4,
    minDelta: 1,
    evaluations: 8,
    count: 1,
    kept: [4],
    first: 4,
  },
] as const;

describe.each(lightning)('$values, $mode', ({ values, mode, patience, minDelta, evaluations, count, kept, first }) => {
  const measure = measureOf(mode);
  const shares = values.map((value) => value / 8);

  test('ends where Lightning ends', () => {
    expect(endOf({ measure, patience, minDelta: minDelta / 8 }, shares)).toBe(evaluations);
  });

  test('keeps what Lightning keeps', () => {
    let ranking: readonly EvaluatedCheckpoint[] = [];
    for (const [k, value] of shares.entries())
      ranking = bestOf({ measure, count }, [...ranking, evaluated(value, k + 1)]);
    const valuesAt = (steps: readonly number[]) => steps.map((step) => shares[step - 1]).sort();
    expect(valuesAt(ranking.map(({ step }) => step))).toEqual(valuesAt(kept));
    expect(ranking[0]?.step).toBe(first);
  });
});

describe('the best checkpoints', () => {
  const rule = { measure: measureOf('max'), count: 2 };

  it('of equal ones, are the earlier', () => {
    const steps = [3, 1, 4, 2].map((step) => evaluated(0.5, step));
    expect(bestOf(rule, steps).map(({ step }) => step)).toEqual([1, 2]);
  });

  it('have finite values', () => {
    const values = [null, Number.NaN, 0.1, Number.POSITIVE_INFINITY];
    expect(bestOf(rule, values.map(evaluated)).map(({ step }) => step)).toEqual([2]);
    expect(bestOf(rule, [{ step: 1, split: 'test', values: {} }])).toEqual([]);
  });

  it('are the same whether they are chosen one after the other or all at once', () => {
    const seed = Number(process.env.TESSERA_SEED ?? Date.now() % 1e6);
    const random = new CounterRandom(seed, purpose.order, 0);
    for (let round = 0; round < 200; round++) {
      const random_ = { measure: measureOf(random.below(2) === 0 ? 'min' : 'max'), count: 1 + random.below(4) };
      const all = Array.from({ length: 12 }, (_, k) => evaluated(random.below(5), k + 1));
      let ranking: readonly EvaluatedCheckpoint[] = [];
      for (const next of all) ranking = bestOf(random_, [...ranking, next]);
      expect(ranking, `seed ${seed}, round ${round}`).toEqual(bestOf(random_, all));
    }
  });
});

describe('early stopping', () => {
  const rule = { measure: measureOf('max'), patience: 2, minDelta: 0 };

  it('counts a missing or infinite value as no improvement', () => {
    expect(endOf(rule, [null, Number.NaN])).toBe(2);
    expect(endOf(rule, [0.5, null, Number.POSITIVE_INFINITY])).toBe(3);
    expect(endOf(rule, [null, 0.5, null, 0.6, 0.6])).toBeNull();
  });

  it('begins again with another measure', () => {
    const before = { measure: 'other', best: { value: 9, step: 1 }, evaluationsWithout: 1 };
    expect(observeEvaluation(rule, before, evaluated(0.5, 4), 4)).toEqual({
      measure: 'm',
      best: { value: 0.5, step: 4 },
      evaluationsWithout: 0,
    });
  });

  it('says why', () => {
    const state = { measure: 'm', best: { value: 0.51239, step: 40 }, evaluationsWithout: 2 };
    expect(reasonToStop({ ...rule, minDelta: 0.01 }, state)).toBe(
      'm was not better than 0.5124, its value after step 40, by more than 0.01 in 2 evaluations (training.earlyStopping)',
    );
    expect(reasonToStop(rule, { measure: 'm', best: null, evaluationsWithout: 2 })).toBe(
      'm had no finite value in 2 evaluations (training.earlyStopping)',
    );
  });
});

describe('a measure', () => {
  const main = { name: 'top1', better: 'higher' } as const;

  it('is the main one with its direction, or another with one of its own', () => {
    expect(chosenMeasure('checkpoints', { metric: null, mode: null }, main)).toEqual(main);
    expect(chosenMeasure('checkpoints', { metric: 'top1', mode: null }, main)).toEqual(main);
    expect(chosenMeasure('checkpoints', { metric: null, mode: 'min' }, main).better).toBe('lower');
    expect(chosenMeasure('checkpoints', { metric: 'nats', mode: 'min' }, main)).toEqual({
      name: 'nats',
      better: 'lower',
    });
    expect(() => chosenMeasure('checkpoints', { metric: 'nats', mode: null }, main)).toThrow(
      'checkpoints.metric is nats: set checkpoints.mode to min or max',
    );
  });

  it('has to be one that an evaluation has', () => {
    expect(() =>
      checkMeasure('checkpoints.metric', 'top3', { split: 'test', values: { top1: 1, top5: null } }),
    ).toThrow('checkpoints.metric is top3, which the evaluation of test does not have; it has top1, top5');
    expect(() => checkMeasure('checkpoints.metric', 'top5', { split: 'test', values: { top5: null } })).not.toThrow();
  });

  it('must be better by more than the margin', () => {
    expect(isBetter(measureOf('max'), 0.75, 0.5, 0.25)).toBe(false);
    expect(isBetter(measureOf('min'), 0.25, 0.5, 0.125)).toBe(true);
  });
});
