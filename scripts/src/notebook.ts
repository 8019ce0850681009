/** npm run notebook: executes notebooks in Deno's Jupyter kernel, without Jupyter. */
import { commandLine, fromCaller, runCommand, toCaller, UsageError } from '@tessera/cli';
import { differencesOf, executeNotebook } from './lib/notebook/execute.ts';
import { readNotebook, writeNotebook } from './lib/notebook/ipynb.ts';
import { findRuntime, howToInstall } from './lib/runtimes/find.ts';

const readOptions = () =>
  commandLine('notebook')
    .command(
      '$0 <files..>',
      'Executes notebooks from their first cell to their last, in the Jupyter kernel of Deno, and saves their outputs. Notebooks use the built packages: npm run build.',
    )
    .positional('files', { type: 'string', array: true, demandOption: true, describe: 'Notebooks (.ipynb)' })
    .options({
      check: {
        type: 'boolean',
        default: false,
        describe: 'Save nothing; fail if a cell fails, or shows other kinds of outputs than those that are saved',
      },
    })
    .parseAsync();

async function main(): Promise<number | undefined> {
  const { files = [], check } = await readOptions();
  const deno = findRuntime('deno');
  if (deno === null) throw new UsageError(`Deno is not installed: ${howToInstall}`);
  let isWrong = false;
  for (const path of (files as string[]).map(fromCaller)) {
    const began = performance.now();
    const saved = await readNotebook(path);
    const { notebook, failure } = await executeNotebook(path, saved, deno);
    const problems = failure !== null ? [failure] : check ? differencesOf(saved, notebook) : [];
    if (!check && failure === null) await writeNotebook(path, notebook);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    console.log(
      `${toCaller(path)}: ${problems.length === 0 ? `${check ? 'passed' : 'saved'} in ${seconds} s` : 'FAILED'}`,
    );
    for (const problem of problems) console.log(problem.replace(/^/gm, '  '));
    isWrong ||= problems.length > 0;
  }
  return isWrong ? 1 : undefined;
}

await runCommand(main);
