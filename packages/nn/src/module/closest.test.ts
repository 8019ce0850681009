/** The nearest of several names. */
import { expect, test } from 'vitest';
import { closestName } from './closest.ts';

test('the nearest name is found, and nothing where none is near', () => {
  const names = ['learningRate', 'weightDecay', 'warmupSteps'];
  expect(closestName('weigthDecay', names)).toBe('weightDecay');
  expect(closestName('warmup_steps', names)).toBe('warmupSteps');
  expect(closestName('lr', names)).toBeUndefined();
  expect(closestName('anything', [])).toBeUndefined();
});
