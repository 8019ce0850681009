// What patterns of file names match, held against the rules of a shell.
import { expect, test } from 'vitest';
import { braceExpand, isPattern, wildcardMatcher } from './pattern.ts';

test.each([
  ['*.tar', ['a.tar', 'a(1)+$.tar'], ['.a.tar', 'b/a.tar', 'a.tar.gz', 'atar']],
  ['data/*/0?.tar', ['data/x/01.tar'], ['data/x/1.tar', 'data/x/y/01.tar', 'data/.x/01.tar']],
  ['**/*.tar', ['a.tar', 'b/a.tar', 'b/c/a.tar'], ['.b/a.tar', 'b/.a.tar']],
  ['b/**', ['b/a', 'b/c/a'], ['b', 'c/a']],
  ['b/**/a.tar', ['b/a.tar', 'b/c/d/a.tar'], ['a.tar', 'b/c/a.tar.gz']],
  ['0[0-3].tar', ['00.tar', '03.tar'], ['04.tar', '0.tar']],
  ['0[!0-3].tar', ['04.tar'], ['03.tar']],
  ['a.b+c (1)*', ['a.b+c (1).tar'], ['axb+c (1)', 'a.bbc (1)']],
])('%s', (pattern, yes, no) => {
  const matches = wildcardMatcher(pattern);
  expect(yes.filter((name) => !matches(name))).toEqual([]);
  expect(no.filter(matches)).toEqual([]);
});

test('braces count with leading zeros, and single names stay', () => {
  expect(braceExpand('x/{08..11}.tar')).toEqual(['x/08.tar', 'x/09.tar', 'x/10.tar', 'x/11.tar']);
  expect(braceExpand('{train,val}/*.tar')).toEqual(['train/*.tar', 'val/*.tar']);
  expect(braceExpand('plain')).toEqual(['plain']);
  expect(['a{0..1}', 'a*', 'a?', 'a'].map(isPattern)).toEqual([true, true, true, false]);
});
