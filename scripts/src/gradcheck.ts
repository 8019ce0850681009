/** npm run gradcheck: compares gradients of layers and models with central differences. */
import { pathToFileURL } from 'node:url';
import { styleText } from 'node:util';
import { closestName } from '@tessera/nn';
import { manualSeed, setDefaultBackend } from '@tessera/tensor';
import { checkModule, checkModuleOn, type GradcheckCase, gradcheckCases } from '@tessera/verify';
import {
  backendOption,
  chooseBackend,
  commandLine,
  exitCodes,
  fromCaller,
  runCommand,
  UsageError,
} from './lib/command.ts';
import { formatTable } from './lib/table.ts';

type Cases = Readonly<Record<string, () => GradcheckCase>>;

const readOptions = () =>
  commandLine('gradcheck')
    .command(
      '$0 [names..]',
      'Compares the gradients of layers and models, of all their parameters and inputs, with central differences in f64; ' +
        'on a backend without f64, with those of the reference.',
    )
    .positional('names', { type: 'string', array: true, default: [] as string[], describe: 'Which ones; default: all' })
    .options({
      module: {
        type: 'string',
        array: true,
        default: [] as string[],
        describe:
          'A file of your own: its export `cases` maps names to functions that give { module, inputs, forward? }',
      },
      list: { type: 'boolean', default: false, describe: 'List the names, and stop' },
      backend: { ...backendOption, default: 'reference' },
      seed: { type: 'number', default: 0, describe: 'Of weights, inputs and directions' },
      json: { type: 'boolean', default: false, describe: 'Print one JSON document and nothing else' },
    })
    .example('$0', 'everything that comes with Tessera')
    .example('$0 Conv2d MultiheadAttention', 'some of it')
    .example('$0 --module my-layer.ts', 'your own layers alone')
    .epilogue(
      "my-layer.ts:\n  import { randn } from '@tessera/tensor';\n  import { MyLayer } from './my-layer.ts';\n" +
        "  export const cases = { MyLayer: () => ({ module: new MyLayer(8), inputs: [randn([2, 8], { dtype: 'f64' })] }) };\n\n" +
        'Exit status 0 only if all agree.',
    )
    .parseAsync();

async function readCases(file: string): Promise<Cases> {
  const exported = (await import(pathToFileURL(fromCaller(file)).href)) as { cases?: unknown };
  const { cases } = exported;
  if (typeof cases !== 'object' || cases === null || !Object.values(cases).every((make) => typeof make === 'function'))
    throw new UsageError(`${file}: needs an export \`cases\` that maps names to functions; see --help`);
  return cases as Cases;
}

function choose(cases: Cases, names: readonly string[]): [string, () => GradcheckCase][] {
  if (names.length === 0) return Object.entries(cases);
  return names.flatMap((name) => {
    const found = Object.entries(cases).filter(([known]) => known === name || known.startsWith(`${name},`));
    if (found.length > 0) return found;
    const near = closestName(name, Object.keys(cases));
    throw new UsageError(
      `there is nothing to check named ${name}${near === undefined ? '' : `; did you mean ${near}?`}`,
    );
  });
}

async function main(): Promise<number | undefined> {
  const { names, module: files, list, backend, seed, json } = await readOptions();
  const opened = await chooseBackend(backend, null);
  const home = backend === 'auto' ? opened.name : backend;
  // Without f64 differences would be lost in rounding: gradients are then held against those of the reference.
  const hasDoubles = (opened.whyUnsupported?.('f64') ?? null) === null;
  const own = Object.assign({}, ...(await Promise.all(files.map(readCases)))) as Cases;
  // Files of one's own are checked alone, unless others are named.
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
    console.log(formatTable(['module', 'tensors', 'derivatives', 'worst relative error'], rows));
    for (const { name, error } of failed) console.log(`\n${name}: ${error}`);
  }
  return failed.length > 0 ? exitCodes.failure : undefined;
}

await runCommand(main);
