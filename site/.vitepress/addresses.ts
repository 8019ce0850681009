/** Where a Markdown file of the repository is on the site. */

/** Files and folders that are elsewhere on the site; all others keep their place. */
const moved: readonly (readonly [RegExp, string])[] = [
  [/^site\/index\.md$/, 'index.md'],
  [/^site\/packages\.md$/, 'api/index.md'],
  [/^site\/api\//, 'api/'],
  [/^README\.md$/, 'overview.md'],
  [/^CONTRIBUTING\.md$/, 'contributing.md'],
  [/^CHANGELOG\.md$/, 'changelog.md'],
  [/^packages\/(\w[\w-]*)\/README\.md$/, 'api/$1/index.md'],
  [/\/README\.md$/, '/index.md'],
];

/** The path on the site of a path in the repository. */
export function addressOf(path: string): string {
  const [pattern, target] = moved.find(([candidate]) => candidate.test(path)) ?? [/^/, ''];
  return path.replace(pattern, target);
}
