/** What errors say of the ranks. */
import { expect, it } from 'vitest';
import { differentCalls, missingRanks } from './errors.ts';

const call = 'allReduce sum of f32 [5]';

it('names the ranks that did not arrive', () => {
  expect(missingRanks(call, [2], 600).message).toBe(
    'allReduce sum of f32 [5]: rank 2 did not arrive within 600 s, the others wait. Look at what it printed; if it only needed ' +
      'longer, raise the limit (timeoutSeconds, or TESSERA_COLLECTIVE_SECONDS).',
  );
  expect(missingRanks(call, [0, 2, 5], 1).message).toContain('ranks 0, 2 and 5 did not arrive within 1 s');
});

it('tells a collective that did not end from one that did not begin, and a network from a rank', () => {
  expect(missingRanks(call, [1, 3], 9, 'end').message).toContain(
    'it has begun on all ranks and has not ended within 9 s; ranks 1 and 3 do not answer.',
  );
  expect(missingRanks(call, [], 9).message).toContain('Check the network between the machines.');
});

it('names all sides of different calls', () => {
  expect(differentCalls(['a', 'b', 'a', 'c']).message).toContain('(ranks 0 and 2: a; rank 1: b; rank 3: c)');
});
