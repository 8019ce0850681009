/** Options of Dawn: the user's toggles are added to ours. */
import { expect, it } from 'vitest';
import { mergeDawnOptions } from './dawn-options.ts';

it('joins lists of toggles and keeps all other options', () => {
  expect(
    mergeDawnOptions(
      ['enable-dawn-features=allow_unsafe_apis,disable_robustness'],
      ['backend=null', 'enable-dawn-features=dump_shaders, allow_unsafe_apis', 'disable-dawn-features=lazy_clear'],
    ),
  ).toEqual([
    'enable-dawn-features=allow_unsafe_apis,disable_robustness,dump_shaders',
    'disable-dawn-features=lazy_clear',
    'backend=null',
  ]);
});

it('the last word on a toggle counts', () => {
  expect(
    mergeDawnOptions(
      ['enable-dawn-features=a,b'],
      ['disable-dawn-features=b', 'disable-dawn-features=a', 'enable-dawn-features=a'],
    ),
  ).toEqual(['enable-dawn-features=a', 'disable-dawn-features=b']);
  expect(mergeDawnOptions(['enable-dawn-features=a'], ['disable-dawn-features=a'])).toEqual([
    'disable-dawn-features=a',
  ]);
  expect(mergeDawnOptions([], [])).toEqual([]);
});
