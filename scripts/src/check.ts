/**
 * npm run check: types, style, import rules, and the tests nearest to the change, in about a minute.
 *
 * It imports none of the packages, so that it runs whatever state they are in.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs, styleText } from 'node:util';
import { mergeBase, runNearestTests } from './lib/nearest-tests.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Checks of all sources: scripts of package.json. */
const staticChecks = ['typecheck', 'lint', 'layers'] as const;

const help = `npm run check -- [options]

Checks types, style and import rules, and runs the tests that the change affects, the nearest ones first.

  --base REF     commit or branch to compare with [default: where this branch left the main branch]
  --seconds N    time for tests; no further test is started after it [default: 40]

Files that are not committed count as changed. A test is affected if it imports a changed file, directly or indirectly; a test that starts a
command in a process of its own is found only by its own imports. npm test runs all tests, bash .ci/run runs everything.`;

/** Runs a script of package.json and prints a line about it; if it fails, also its output. */
async function staticCheck(script: string): Promise<boolean> {
  const started = performance.now();
  const { passed, output } = await new Promise<{ passed: boolean; output: string }>((resolve) => {
    execFile('npm', ['run', '--silent', script], { cwd: root, maxBuffer: 2 ** 28 }, (error, stdout, stderr) =>
      resolve({ passed: error === null, output: `${stdout}${stderr}`.trim() }),
    );
  });
  printResult(script, passed, `${((performance.now() - started) / 1000).toFixed(0)} s`);
  if (!passed) console.log(`${output}\n`);
  return passed;
}

const printResult = (name: string, passed: boolean, details: string): void =>
  console.log(`${passed ? styleText('green', '✓') : styleText('red', '✗')} ${name}: ${details}`);

const { values } = parseArgs({
  options: {
    base: { type: 'string' },
    seconds: { type: 'string', default: '40' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(help);
  process.exit();
}

const results = await Promise.all(staticChecks.map(staticCheck));
const { finished, left, passed } = await runNearestTests(root, values.base ?? mergeBase(root), Number(values.seconds));
const affected = finished + left;
printResult(
  'tests',
  passed,
  affected === 0
    ? 'the change affects none'
    : `${finished} of ${affected} affected files${left === 0 ? '' : `; no time for the other ${left}, which npm test runs`}`,
);
process.exitCode = passed && results.every(Boolean) ? 0 : 1;
