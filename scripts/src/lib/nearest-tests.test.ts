import { expect, test } from 'vitest';
import { folderDistance } from './nearest-tests.ts';

test.each([
  ['/a/x.ts', '/a/x.test.ts', 0],
  ['/a/x.ts', '/a/b/x.test.ts', 1],
  ['/a/b/x.ts', '/a/x.test.ts', 1],
  ['/a/b/x.ts', '/a/c/x.test.ts', 2],
  ['/a/x.ts', '/b/c/x.test.ts', 3],
])('from %s to %s there are %i folders to leave and enter', (from, to, distance) => {
  expect(folderDistance(from, to)).toBe(distance);
});
