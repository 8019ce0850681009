/** npm run packages: packs the packages, installs them in an empty project, and tries them there. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { styleText } from 'node:util';
import { commandLine, exitCodes, runCommand, UsageError } from '@tessera/cli';
import { type Check, projectChecks, Skipped } from './packages/checks.ts';
import { runOrThrow } from './packages/process.ts';
import { makeProject } from './packages/project.ts';
import { publishedPackages, repository } from './packages/published.ts';

const readOptions = () =>
  commandLine('packages')
    .usage(
      '$0 [options]\n\nBuilds and packs every published package, installs the tarballs in an empty project, and uses them there: with Node, TypeScript, Vite and esbuild.',
    )
    .options({
      only: { type: 'string', describe: 'A regular expression: only checks whose platform or description has it' },
      keep: { type: 'boolean', default: false, describe: 'Keep the project, and print its folder' },
    })
    .example('$0 --only TypeScript', 'the declarations only')
    .epilogue('Needs the network the first time, for the versions of Node and TypeScript that it tries.')
    .parseAsync();

interface Row {
  readonly check: Check;
  readonly verdict: 'passed' | 'failed' | 'skipped';
  readonly found: string;
  readonly seconds: number;
}

async function judge(check: Check): Promise<Row> {
  const started = performance.now();
  const row = (verdict: Row['verdict'], found: string): Row => ({
    ...{ check, verdict, found },
    seconds: (performance.now() - started) / 1000,
  });
  try {
    return row('passed', await check.run());
  } catch (error) {
    return row(error instanceof Skipped ? 'skipped' : 'failed', (error as Error).message);
  }
}

/** Runs the checks, two at a time, in the order of the list. */
async function judgeAll(checks: readonly Check[]): Promise<Row[]> {
  const rows: Row[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let k = next++; k < checks.length; k = next++) rows[k] = await judge(checks[k] as Check);
  };
  await Promise.all([work(), work()]);
  return rows;
}

const colors = { passed: 'green', failed: 'red', skipped: 'yellow' } as const;

/** A line for each check, in columns. */
function formatRows(rows: readonly Row[]): string {
  const cells = rows.map(({ check, verdict, found, seconds }) => [
    verdict,
    check.platform,
    check.what,
    verdict === 'failed' ? 'see below' : found,
    `${seconds.toFixed(1)} s`,
  ]);
  const widths = [0, 1, 2, 3].map((column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells
    .map((row, k) => {
      const text = row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ');
      return styleText(colors[rows[k]?.verdict ?? 'failed'], text.slice(0, 7)) + text.slice(7);
    })
    .join('\n');
}

await runCommand(async () => {
  const { only, keep } = await readOptions();
  const chosen = only === undefined ? null : new RegExp(only, 'i');
  const packages = publishedPackages();
  await runOrThrow('npm', ['run', '--silent', 'build'], { cwd: repository, timeout: 600_000 });
  const folder = mkdtempSync(join(tmpdir(), 'tessera-packages-'));
  try {
    const started = performance.now();
    const project = await makeProject(folder, packages);
    console.log(
      `${packages.length} packages packed and installed in ${((performance.now() - started) / 1000).toFixed(0)} s${keep ? `: ${folder}` : ''}\n`,
    );
    const all = await projectChecks(project, packages);
    const checks = all.filter(({ platform, what }) => chosen?.test(`${platform} ${what}`) ?? true);
    if (checks.length === 0) throw new UsageError(`--only ${only}: no check has it`);
    const rows = await judgeAll(checks);
    console.log(formatRows(rows));
    const failed = rows.filter(({ verdict }) => verdict === 'failed');
    for (const { check, found } of failed)
      console.error(`\n${styleText(colors.failed, `${check.platform}, ${check.what}:`)}\n${found}`);
    const count = (verdict: Row['verdict']): number => rows.filter((row) => row.verdict === verdict).length;
    console.log(`\n${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`);
    return failed.length > 0 ? exitCodes.failure : undefined;
  } finally {
    if (!keep) rmSync(folder, { recursive: true, force: true });
  }
});
