/** What must hold before a release, from the manifests and the changelog alone. */
import semver from 'semver';
import type { Package } from './published.ts';

/** The text of a version's entry in CHANGELOG.md, which has a heading `## [VERSION] - YYYY-MM-DD`; null where there is none. */
export function changelogEntry(changelog: string, version: string): { date: string; text: string } | null {
  const headings = [...changelog.matchAll(/^## \[?([^\]\s]+)\]?(?: - (\S+))?[ \t]*$/gm)];
  const at = headings.findIndex(([, name]) => name === version);
  const heading = headings[at];
  if (heading === undefined) return null;
  const text = changelog.slice(heading.index + heading[0].length, headings[at + 1]?.index).trim();
  return { date: heading[2] ?? '', text };
}

const isDate = (text: string): boolean =>
  /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)) && new Date(text).toISOString().startsWith(text);

/** How a package of ours must name another one: exactly this version, so that npm never mixes versions. */
function dependencyProblems({ folder, manifest }: Package, version: string, published: ReadonlySet<string>): string[] {
  const { dependencies = {}, optionalDependencies = {}, peerDependencies = {} } = manifest;
  return Object.entries({ ...dependencies, ...optionalDependencies, ...peerDependencies }).flatMap(([name, range]) => {
    if (!name.startsWith('@tessera/')) return [];
    if (!published.has(name)) return [`${folder}: depends on ${name}, which is not published`];
    return range === version ? [] : [`${folder}: depends on ${name} ${range}, expected ${version}`];
  });
}

function packageProblems({ folder, manifest }: Package, version: string): string[] {
  const { publishConfig, engines } = manifest;
  return [
    ...(manifest.version === version ? [] : [`${folder}: has version ${manifest.version}, expected ${version}`]),
    ...(publishConfig?.access === 'public' && publishConfig.provenance === true
      ? []
      : [`${folder}: publishConfig must be {"access": "public", "provenance": true}`]),
    ...(engines?.node === undefined ? [`${folder}: engines.node is missing`] : []),
  ];
}

/**
 * Everything that keeps the packages from being published, a line each; none: they can be.
 *
 * @param version that of the repository's package.json
 */
export function releaseProblems(version: string, packages: readonly Package[], changelog: string): string[] {
  if (semver.valid(version) !== version) return [`package.json: ${version} is not a version of Semantic Versioning`];
  const published = new Set(packages.map(({ manifest }) => manifest.name));
  const entry = changelogEntry(changelog, version);
  return [
    ...packages.flatMap((item) => [...packageProblems(item, version), ...dependencyProblems(item, version, published)]),
    ...(entry === null
      ? [`CHANGELOG.md: has no entry "## [${version}] - YYYY-MM-DD"; rename [Unreleased], and add an empty one`]
      : [
          ...(entry.text === '' ? [`CHANGELOG.md: the entry ${version} is empty`] : []),
          ...(isDate(entry.date) ? [] : [`CHANGELOG.md: the entry ${version} has no date YYYY-MM-DD`]),
        ]),
  ];
}

/** The tag of npm: `latest`, or that of a prerelease, such as `beta` for 1.0.0-beta.2. */
export function distributionTag(version: string): string {
  const [name] = semver.prerelease(version) ?? [];
  return name === undefined ? 'latest' : typeof name === 'string' ? name : 'next';
}
