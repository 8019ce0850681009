/** npm run runtimes: runs the public API of the built packages under Node, Deno and Bun. */
import { styleText } from 'node:util';
import { commandLine, runCommand } from '@tessera/cli';
import { runtimeCases } from './lib/runtimes/cases.ts';
import { findRuntime, howToInstall, type RuntimeName, runtimeNames } from './lib/runtimes/find.ts';
import { runCases } from './lib/runtimes/run-cases.ts';

const readOptions = () =>
  commandLine('runtimes')
    .command(
      '$0 [names..]',
      `Runs the public API of the built packages (npm run build) under Node, Deno and Bun. ${howToInstall} installs the versions that are tested; otherwise those of the PATH are used.`,
    )
    .positional('names', {
      type: 'string',
      array: true,
      choices: runtimeNames,
      describe: 'Default: all that are installed',
    })
    .parseAsync();

/** Runs the cases in one runtime and prints them. Returns whether all passed; null without the runtime. */
async function report(name: RuntimeName): Promise<boolean | null> {
  const runtime = findRuntime(name);
  if (runtime === null) {
    console.log(`${styleText('bold', name)}: is not installed: ${howToInstall}`);
    return null;
  }
  console.log(styleText('bold', `${name} ${runtime.version}`));
  const { cases, failure } = await runCases(runtime, runtimeCases.length);
  for (const { name: title, failure: problem, seconds } of cases) {
    console.log(
      `  ${problem === null ? 'passed' : styleText('red', 'FAILED')} ${seconds.toFixed(1).padStart(5)} s  ${title}`,
    );
    if (problem !== null) console.log(problem.replace(/^/gm, '      '));
  }
  if (failure !== null) console.log(`  ${styleText('red', 'FAILED')}: ${failure}`);
  return failure === null && cases.every((each) => each.failure === null);
}

async function main(): Promise<number | undefined> {
  const { names = [] } = await readOptions();
  const results: (boolean | null)[] = [];
  for (const name of names.length > 0 ? names : runtimeNames) results.push(await report(name));
  const isWrong = results.includes(false) || (names.length > 0 && results.includes(null));
  return isWrong ? 1 : undefined;
}

await runCommand(main);
