/**
 * Writes the reference of the packages: Markdown pages in `site/api`, from the declarations in `packages/NAME/dist`. Fails if an export
 * has no docstring and is not on the list of those that never had one (`site/undocumented.txt`), which may only become shorter.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDocumented } from './reference/declarations.ts';
import { readExports } from './reference/exports.ts';
import { pagesOf } from './reference/pages.ts';
import { rooms } from './rooms.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const out = join(root, 'site/api');
const listFile = join(root, 'site/undocumented.txt');

/** A package without exports is only a command. */
const hasExports = (name: string): boolean =>
  'exports' in JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'));

const left = readdirSync(join(root, 'packages')).filter(
  (name) => !(rooms as readonly string[]).includes(name) && hasExports(name),
);
if (left.length > 0) throw new Error(`packages/${left.join(', packages/')}: has no place in site/src/rooms.ts`);

const reference = readExports(root, rooms);
const pages = pagesOf(reference);
rmSync(out, { recursive: true, force: true });
for (const { room, slug, markdown } of pages) {
  mkdirSync(join(out, room), { recursive: true });
  writeFileSync(join(out, room, `${slug}.md`), markdown);
}
const index = pages.map(({ room, slug, title, names }) => ({ room, slug, title, names }));
writeFileSync(join(out, 'index.json'), JSON.stringify(index));

const undocumented = reference.exports
  .filter((exported) => !isDocumented(exported))
  .map(({ room, file, name }) => `${room}/${file} ${name}`)
  .sort();
const known = readFileSync(listFile, 'utf8')
  .split('\n')
  .filter((line) => line !== '');
const added = undocumented.filter((line) => !known.includes(line));
const gone = known.filter((line) => !undocumented.includes(line));
console.log(
  `${reference.exports.length} exports on ${pages.length} pages, ${undocumented.length} of them without a docstring`,
);
if (gone.length > 0 && !process.argv.includes('--list'))
  console.log(
    `${gone.length} lines of site/undocumented.txt are not needed any more: npm run reference -w site -- --list removes them`,
  );
if (process.argv.includes('--list')) writeFileSync(listFile, undocumented.map((line) => `${line}\n`).join(''));
else if (added.length > 0) {
  for (const line of added) console.error(`${line}: is exported without a docstring`);
  process.exitCode = 1;
}
