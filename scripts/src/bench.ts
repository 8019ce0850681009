/** npm run bench: times Tessera on this machine, in turn with other libraries. */
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { backendOption, chooseBackend, fromCaller } from '@tessera/cli';
import { type PresetName, presets } from '@tessera/models';
import { disposeBackends } from '@tessera/tensor';
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { stepPresets } from './bench/benchmarks/clip-step.ts';
import { evaluationPresets } from './bench/benchmarks/evaluation.ts';
import { peakPresets } from './bench/benchmarks/peak-memory.ts';
import { startPresets } from './bench/benchmarks/start.ts';
import { benchGpu, gpuBatches } from './bench/gpu.ts';
import { peerNames } from './bench/peers/start.ts';
import { benchmarkNames, onRequest, runBenchmarks } from './bench/run.ts';

/** The default batch size of peak-memory, whose models are large. */
const peakBatch = 8;

const argv = await yargs(hideBin(process.argv))
  .scriptName('npm run bench --')
  .command(
    '$0 [benchmarks..]',
    'Measures the speed and memory of Tessera on this machine, in turn with other installed libraries.',
  )
  .positional('benchmarks', {
    array: true,
    choices: [...benchmarkNames, 'gpu'] as const,
    describe:
      'What to measure. Default: gemm conv attention clip-step data. gpu (products and steps on a GPU) cannot be combined with others',
  })
  .option('json', { type: 'boolean', default: false, describe: 'Print a single JSON document' })
  .option('preset', {
    choices: Object.keys(presets) as PresetName[],
    describe:
      `Model of clip-step, evaluation, start and peak-memory. Default: ${stepPresets[0]}, ` +
      `evaluation: ${evaluationPresets.join(', ')}, start: ${startPresets.join(', ')}, ` +
      `peak-memory: ${peakPresets.join(', ')}`,
  })
  .option('all', {
    type: 'boolean',
    conflicts: 'preset',
    describe: `Run clip-step with ${stepPresets.join(', ')}`,
  })
  .option('batch', {
    type: 'number',
    describe: `Batch size of clip-step, start and peak-memory, in pairs. Default: 64, peak-memory: ${peakBatch}, gpu: ${gpuBatches.join(', ')}`,
  })
  .option('profile', { type: 'boolean', default: false, describe: "List clip-step's slowest kernels, too" })
  .option('trace', {
    type: 'string',
    describe: 'File for a timeline of the kernels of one clip-step, for chrome://tracing and Perfetto',
  })
  .option('memory', {
    type: 'boolean',
    default: false,
    describe: 'Run the benchmark memory, too: the resident size after 100 and 1,000 steps',
  })
  .option('quick', { type: 'boolean', default: false, describe: 'Run gpu with tiny sizes, as a test' })
  .option('dataset', {
    type: 'string',
    describe: 'Folder of the dataset for data and evaluation. Default: generated drawings',
  })
  .option('threads', {
    type: 'number',
    describe:
      'Threads of Tessera, largest number of threads of other libraries, and of workers of loader. Default: all cores',
  })
  .option('rounds', {
    type: 'number',
    describe: 'Measurement rounds. Default: 15, clip-step 10, dashboard 8, start, loader and scaling 5',
  })
  .option('peers', {
    array: true,
    choices: [...peerNames, 'none'] as const,
    describe: 'Libraries to compare with. Default: all that are installed',
  })
  .option('backend', { ...backendOption, describe: `${backendOption.describe} Default: wasm, gpu: webgpu` })
  .example('$0 clip-step --json', 'a training step, as JSON')
  .example('$0 clip-step --preset vit-small-64 --profile --peers none', 'the time of each kernel')
  .example('$0 start', 'from the start of a process to the end of its first step')
  .example('$0 evaluation', 'zero-shot classification of 10,000 images: encoding, decoding, and both together')
  .example('$0 loader', 'images per second from JPEG files to batches, compared with PyTorch and webdataset')
  .example('$0 peak-memory --preset RN50', 'the largest resident size of a training process, compared with PyTorch')
  .example('$0 runtimes', 'a training step under Node, Deno and Bun, on the built packages')
  .example('$0 gemm --peers openblas', 'matrix products compared with OpenBLAS')
  .example('$0 gpu', 'a GPU, compared with PyTorch on the same GPU')
  .epilogue(
    'PyTorch and OpenBLAS (through numpy) are used from every python3 on the path, or from the interpreters in TESSERA_PYTHON; jax-js and ' +
      'TensorFlow.js from the node_modules of the current folder, or of the folder in TESSERA_PEERS.',
  )
  .check(({ batch, rounds, threads, benchmarks = [] }) => {
    for (const [name, value] of Object.entries({ batch, rounds, threads }))
      if (value !== undefined && !(Number.isInteger(value) && value >= 1))
        throw new Error(`--${name} must be an integer of at least 1, got ${value}`);
    if (benchmarks.includes('gpu') && benchmarks.length > 1)
      throw new Error('gpu cannot be combined with other benchmarks; leave out their names');
    return true;
  })
  .strict()
  .showHelpOnFail(false, 'npm run bench -- --help explains all options')
  .parseAsync();

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };
const { json, threads = availableParallelism() } = argv;
const output = {
  print: (text: string) => json || text === '' || console.log(`${text}\n`),
  say: (line: string) => console.error(line),
};

async function benchmarkGpu() {
  const backend = await chooseBackend(argv.backend ?? 'webgpu', null);
  return benchGpu(
    backend,
    { quick: argv.quick, batches: argv.batch === undefined ? gpuBatches : [argv.batch], version },
    output,
  );
}

async function benchmarkAll() {
  const asked = (argv.benchmarks ?? []).filter((name) => name !== 'gpu');
  const named = [...new Set([...asked, ...(argv.memory ? (['memory'] as const) : [])])];
  return runBenchmarks(
    await chooseBackend(argv.backend ?? 'wasm', argv.threads ?? null),
    {
      benchmarks: named.length > 0 ? named : benchmarkNames.filter((name) => !onRequest.includes(name)),
      peers: peerNames.filter((name) => argv.peers === undefined || argv.peers.includes(name)),
      threads,
      presets: argv.all ? stepPresets : [argv.preset ?? stepPresets[0]],
      evaluationPresets: argv.preset === undefined ? evaluationPresets : [argv.preset],
      startPresets: argv.preset === undefined ? startPresets : [argv.preset],
      peakPresets: argv.preset === undefined ? peakPresets : [argv.preset],
      batch: argv.batch ?? 64,
      peakBatch: argv.batch ?? peakBatch,
      rounds: argv.rounds ?? null,
      profile: argv.profile,
      trace: argv.trace === undefined ? null : fromCaller(argv.trace),
      dataset: argv.dataset === undefined ? null : fromCaller(argv.dataset),
      version,
    },
    output,
  );
}

try {
  const report = argv.benchmarks?.includes('gpu') ? await benchmarkGpu() : await benchmarkAll();
  if (json) console.log(JSON.stringify(report, null, 2));
  if (report.disagreements.length > 0) process.exitCode = 1;
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
} finally {
  await disposeBackends();
}
