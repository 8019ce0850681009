/** Links between the Markdown files of the repository: their files and headings exist, and the index of decisions is complete. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '' && existsSync(join(root, file)));

/** A file's text without its code blocks, in which nothing is a link or a heading. */
const textOf = (file: string): string => readFileSync(join(root, file), 'utf8').replaceAll(/^```[\s\S]*?^```$/gm, '');

/** The anchor that GitHub makes of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\- _]/gu, '')
    .replaceAll(' ', '-');

const headingsOf = (file: string): string[] =>
  [...textOf(file).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading);

/** Targets of the links that stay in the repository. */
const linksOf = (file: string): string[] =>
  [...textOf(file).matchAll(/\[[^\]]*\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target));

/** Why a link leads nowhere; null if it is right. */
function faultOf(file: string, link: string): string | null {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? file : join(dirname(file), path);
  if (!existsSync(join(root, target))) return `${link}: there is no ${target}`;
  if (anchor === undefined || headingsOf(target).some((heading) => anchorOf(heading) === anchor)) return null;
  return `${link}: ${target} has no such heading`;
}

describe('Markdown files', () => {
  test.each(files)('links of %s', (file) => {
    expect(
      linksOf(file)
        .map((link) => faultOf(file, link))
        .filter((fault) => fault !== null),
    ).toEqual([]);
  });

  test('the index of decisions lists each decision', () => {
    const folder = 'docs/decisions';
    const decisions = files
      .filter((file) => dirname(file) === folder && !file.endsWith('README.md'))
      .flatMap((file) =>
        headingsOf(file)
          .slice(1)
          .map((heading) => `${file.slice(folder.length + 1)}#${anchorOf(heading)}`),
      );
    expect(
      linksOf(join(folder, 'README.md'))
        .filter((link) => link.includes('#'))
        .sort(),
    ).toEqual(decisions.sort());
  });
});
