/**
 * npm run docs:examples: checks the examples of the documentation. It type-checks the TypeScript blocks of all Markdown files and runs
 * those that can run.
 */
import { execFileSync } from 'node:child_process';
import { promises as fs } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs, styleText } from 'node:util';
import { mapInOrder } from '@tessera/data/io';
import { type Block, blocksOf } from './lib/examples/blocks.ts';
import { commandFaults } from './lib/examples/commands.ts';
import { copyFiles, makeFiles } from './lib/examples/files.ts';
import { type Program, programOf } from './lib/examples/program.ts';
import { repository, runFaults } from './lib/examples/run.ts';
import { typeFaults } from './lib/examples/typecheck.ts';

const help = `npm run docs:examples -- [PAGE...]

Checks the TypeScript blocks (\`\`\`ts) of the Markdown files, or only of PAGE...: the types of all, and that those run that can. A block runs
in a folder of its own with small versions of the files that it names, such as 'datasets/built/emoji' and 'runs/first'. It must end
without an error, reach each console.log, each body of a loop and each compiled function, and print neither NaN nor undefined. Of the
commands in blocks without a language, each npm run NAME must exist and know the options.

A comment before a block says what differs; readers do not see it:

  <!-- not run: REASON -->   only its types are checked
  <!-- before: CODE -->      code that comes before the block
  <!-- in: FOLDER -->        the block is a file of this folder, and imports its neighbors`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { help: { type: 'boolean', default: false } },
});
if (values.help) {
  console.log(help);
  process.exit();
}

/** The pages: all Markdown files of the repository, or those that were asked for. */
function pages(): string[] {
  const named = positionals.map((page) => relative(repository, join(process.env.INIT_CWD ?? process.cwd(), page)));
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '--', '*.md'], {
    cwd: repository,
    encoding: 'utf8',
  });
  return named.length > 0 ? named : listed.split('\n').filter((page) => page !== '');
}

const readBlocks = async (page: string): Promise<Block[]> =>
  blocksOf(page, await fs.readFile(join(repository, page), 'utf8'));

/** A folder in which programs find the packages. */
async function prepareFolder(folder: string, programs: readonly Program[]): Promise<void> {
  await fs.mkdir(folder, { recursive: true });
  await fs.symlink(join(repository, 'node_modules'), join(folder, 'node_modules'));
  await fs.writeFile(join(folder, 'package.json'), '{ "type": "module" }\n');
  for (const { file, source } of programs) await fs.writeFile(join(folder, file), source);
}

const titleOf = ({ page, line }: Block): string => `${page}:${line}`;

/** Checks the types, then runs the programs; returns the number of faults. */
async function check(programs: readonly Program[], root: string): Promise<number> {
  let faults = 0;
  const report = (found: readonly string[]): void => {
    faults += found.length;
    for (const fault of found) console.log(`${styleText('red', '✗')} ${fault}`);
  };
  const types = join(root, 'types');
  await prepareFolder(types, programs);
  const toRun = programs.filter(({ block }) => block.notRun === null);
  const made = join(root, 'files');
  const [found] = await Promise.all([
    typeFaults(repository, types, programs),
    makeFiles(
      made,
      toRun.map(({ source }) => source),
    ),
  ]);
  report(found);
  const ran = mapInOrder(toRun, availableParallelism(), async (program) => {
    const folder = join(root, program.file.replace(/\.ts$/, ''));
    await prepareFolder(folder, [program]);
    await copyFiles(made, folder, program.source);
    const started = performance.now();
    return { program, found: await runFaults(folder, program), seconds: (performance.now() - started) / 1000 };
  });
  for await (const { program, found, seconds } of ran) {
    report(found);
    if (found.length === 0) console.log(`${styleText('green', '✓')} ${titleOf(program.block)} ${seconds.toFixed(1)} s`);
  }
  return faults;
}

const blocks = (await Promise.all(pages().map(readBlocks))).flat();
const programs = blocks.filter(({ language }) => language === 'ts').map((block) => programOf(repository, block));
const commands = blocks.filter(({ language }) => language === '');
if (blocks.length === 0) throw new Error('no blocks were found');
const root = await fs.mkdtemp(join(tmpdir(), 'docs-examples-'));
try {
  const wrong = await commandFaults(repository, commands);
  for (const fault of wrong) console.log(`${styleText('red', '✗')} ${fault}`);
  const faults = wrong.length + (await check(programs, await fs.realpath(root)));
  const notRun = programs.filter(({ block }) => block.notRun !== null);
  for (const { block } of notRun) console.log(`- ${titleOf(block)} only its types: ${block.notRun}`);
  console.log(`${programs.length} examples, ${programs.length - notRun.length} of them run: ${faults} faults`);
  process.exitCode = faults === 0 ? 0 : 1;
} finally {
  await fs.rm(root, { recursive: true });
}
