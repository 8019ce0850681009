/** tessera gradcheck: compares gradients of layers and models with central differences. */
import { styleText } from 'node:util';
import { closestName } from '@tessera/nn';
import { readCaseFile } from '@tessera/nn/cases';
import { manualSeed, setDefaultBackend } from '@tessera/tensor';
import { checkModule, checkModuleOn, type GradcheckCase, gradcheckCases, gradcheckCasesOf } from '@tessera/verify';
import { fromCaller } from '../lib/call.ts';
import { backendOption, chooseBackend, commandLine, exitCodes, UsageError } from '../lib/command.ts';
import { understandTypeScript } from '../lib/import-module.ts';
import { formatTable } from '../lib/table.ts';

type Cases = Readonly<Record<string, () => GradcheckCase>>;

const readOptions = (args: readonly string[]) =>
  commandLine('gradcheck', args)
    .command(
      '$0 [names..]',
      'Compares the gradients of layers and models, of all their parameters and inputs, with central differences in f64; ' +
        'on a backend without f64, with those of the reference.',
    )
    .positional('names', {
      type: 'string',
      array: true,
      default: [] as string[],
      describe: 'Layers, or single cases; default: all',
    })
    .options({
      module: {
        type: 'string',
        array: true,
        default: [] as string[],
        describe: 'A case file of your own, NAME.case.ts',
      },
      list: { type: 'boolean', default: false, describe: 'List the names and stop' },
      backend: { ...backendOption, default: 'reference' },
      seed: { type: 'number', default: 0, describe: 'Seed of weights, inputs and directions' },
      json: { type: 'boolean', default: false, describe: 'Print one JSON document and nothing else' },
    })
    .example('$0', 'everything that comes with Tessera')
    .example('$0 Conv2d MultiheadAttention', 'some of it')
    .example('$0 --module my-layer.case.ts', 'only your own layers')
    .epilogue('How to write a case file: docs/adding-a-layer.md. Exit status 0 only if all gradients agree.')
    .parseAsync();

/** @throws UsageError if the file cannot be read or declares no cases */
async function readCases(file: string): Promise<Cases> {
  const entries = await readCaseFile(fromCaller(file)).catch((cause) => {
    throw new UsageError((cause as Error).message);
  });
  return gradcheckCasesOf(entries);
}

function choose(cases: Cases, names: readonly string[]): [string, () => GradcheckCase][] {
  if (names.length === 0) return Object.entries(cases);
  return names.flatMap((name) => {
    const found = Object.entries(cases).filter(([known]) => known === name || known.startsWith(`${name},`));
    if (found.length > 0) return found;
    const layers = Object.keys(cases).map((known) => known.replace(/,.*/, ''));
    const near = closestName(name, [...layers, ...Object.keys(cases)]);
    throw new UsageError(`no layer or case is named ${name}${near === undefined ? '' : `; did you mean ${near}?`}`);
  });
}

export async function main(args: readonly string[]): Promise<number | undefined> {
  const { names, module: files, list, backend, seed, json } = await readOptions(args);
  const opened = await chooseBackend(backend, null);
  const home = backend === 'auto' ? opened.name : backend;
  // Without f64, rounding errors would hide the differences: gradients are then compared with those of the reference backend.
  const hasDoubles = (opened.whyUnsupported?.('f64') ?? null) === null;
  if (files.length > 0) await understandTypeScript();
  const own = Object.assign({}, ...(await Promise.all(files.map(readCases)))) as Cases;
  // With --module and without names, only the cases of that file are checked.
  const chosen = choose(files.length > 0 && names.length === 0 ? own : { ...gradcheckCases, ...own }, names);
  if (list) {
    console.log(chosen.map(([name]) => name).join('\n'));
    return;
  }
  const results: { name: string; tensors: number; comparisons: number; worst: number | null; error: string | null }[] =
    [];
  for (const [name, make] of chosen) {
    setDefaultBackend(hasDoubles ? home : 'reference');
    manualSeed(seed);
    try {
      const { tensors, comparisons, worst } = hasDoubles
        ? await checkModule(make(), { seed })
        : await checkModuleOn(home, make, { seed });
      results.push({ name, tensors, comparisons, worst, error: null });
    } catch (error) {
      results.push({ name, tensors: 0, comparisons: 0, worst: null, error: (error as Error).message });
    }
  }
  const failed = results.filter(({ error }) => error !== null);
  if (json) console.log(JSON.stringify({ backend, holds: failed.length === 0, results }, null, 2));
  else {
    const rows = results.map(({ name, tensors, comparisons, worst }) =>
      worst === null
        ? [name, '', '', styleText('red', 'FAILS')]
        : [name, String(tensors), String(comparisons), worst.toExponential(1)],
    );
    console.log(formatTable(['layer, case', 'tensors', 'derivatives', 'worst relative error'], rows));
    for (const { name, error } of failed) console.log(`\n${name}: ${error}`);
  }
  return failed.length > 0 ? exitCodes.failure : undefined;
}
