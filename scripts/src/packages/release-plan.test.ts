// What a release checks before anything is published.
import { describe, expect, it } from 'vitest';
import { dependencyOrder, type Manifest, type Package, publishedPackages } from './published.ts';
import { changelogEntry, distributionTag, releaseProblems } from './release-plan.ts';

const one = (name: string, changes: Partial<Manifest> = {}): Package => ({
  folder: `packages/${name}`,
  manifest: {
    name: `@tessera/${name}`,
    version: '1.2.0',
    engines: { node: '>=20.19' },
    publishConfig: { access: 'public', provenance: true },
    ...changes,
  },
});
const changelog =
  '# Changelog\n\n## [Unreleased]\n\n## [1.2.0] - 2026-02-28\n\n- A line.\n\n## [1.1.0] - 2026-01-01\n\n';

describe('the changelog', () => {
  it('has an entry of a version, up to the next', () => {
    expect(changelogEntry(changelog, '1.2.0')).toEqual({ date: '2026-02-28', text: '- A line.' });
    expect(changelogEntry(changelog, '1.1.0')?.text).toBe('');
    expect(changelogEntry(changelog, '1.2')).toBeNull();
    expect(changelogEntry(changelog, 'Unreleased')).toEqual({ date: '', text: '' });
  });

  it.each([
    ['without the version', changelog.replace('[1.2.0]', '[1.2.1]'), 'has no entry "## [1.2.0] - YYYY-MM-DD"'],
    ['without a text', changelog.replace('- A line.', ''), 'the entry 1.2.0 is empty'],
    ['without a date', changelog.replace(' - 2026-02-28', ''), 'the entry 1.2.0 has no date'],
    ['with a day that does not exist', changelog.replace('02-28', '02-30'), 'the entry 1.2.0 has no date'],
  ])('%s, is refused', (_, text, problem) => {
    expect(releaseProblems('1.2.0', [one('a')], text)).toEqual([expect.stringContaining(problem)]);
  });
});

describe('the packages', () => {
  const a = one('a');

  it('can be published where everything holds', () => {
    expect(
      releaseProblems('1.2.0', [a, one('b', { dependencies: { '@tessera/a': '1.2.0', yaml: '^2' } })], changelog),
    ).toEqual([]);
  });

  it.each<[string, Package, string]>([
    ['another version', one('b', { version: '1.2.1' }), 'packages/b: has version 1.2.1, expected 1.2.0'],
    [
      'a range of ours',
      one('b', { dependencies: { '@tessera/a': '^1.2.0' } }),
      'depends on @tessera/a ^1.2.0, expected 1.2.0',
    ],
    [
      'a private package',
      one('b', { peerDependencies: { '@tessera/c': '1.2.0' } }),
      '@tessera/c, which is not published',
    ],
    ['no provenance', one('b', { publishConfig: { access: 'public' } }), 'packages/b: publishConfig must be'],
    ['no engines', one('b', { engines: {} }), 'packages/b: engines.node is missing'],
  ])('with %s are refused', (_, wrong, problem) => {
    expect(releaseProblems('1.2.0', [a, wrong], changelog)).toEqual([expect.stringContaining(problem)]);
  });

  it('need a version of Semantic Versioning', () => {
    for (const version of ['1.2', 'v1.2.0', '1.2.0 ']) expect(releaseProblems(version, [a], changelog)).toHaveLength(1);
  });

  it('are published after those that they depend on', () => {
    const [b, c] = [
      one('b', { dependencies: { '@tessera/c': '1.2.0' } }),
      one('c', { dependencies: { '@tessera/a': '1.2.0' } }),
    ];
    expect(dependencyOrder([b, c, a])).toEqual([a, c, b]);
    const circle = [
      one('a', { dependencies: { '@tessera/b': '1.2.0' } }),
      one('b', { dependencies: { '@tessera/a': '1.2.0' } }),
    ];
    expect(() => dependencyOrder(circle)).toThrow('depend on each other: @tessera/a, @tessera/b');
  });

  it('of this repository have nothing to refuse but the changelog, which a release writes', () => {
    const packages = publishedPackages();
    const version = packages[0]?.manifest.version ?? '';
    expect(releaseProblems(version, packages, `## [${version}] - 2026-01-01\n\n- A line.\n`)).toEqual([]);
    expect(packages.length).toBeGreaterThan(12);
  });
});

it('the tag of npm is that of the prerelease', () => {
  expect(['1.0.0', '1.0.0-beta.2', '1.0.0-0'].map(distributionTag)).toEqual(['latest', 'beta', 'next']);
});
