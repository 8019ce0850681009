/** What must work in a project that has installed the packages: one row for each platform and thing. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { writePictures } from '@tessera/cli/testing';
import { findChromium, launchChromium } from '@tessera/dashboard/testing';
import semver from 'semver';
import type { PreviewServer, ViteDevServer } from 'vite';
import { run, runOrThrow } from './process.ts';
import type { TrainingResult } from './programs/training.ts';
import { type NodeMajor, nodeMajors, type Project } from './project.ts';
import type { Package } from './published.ts';

/** The check does not apply to this machine. */
export class Skipped extends Error {}

export interface Check {
  /** Where: a version of Node or TypeScript, or a bundler. */
  readonly platform: string;
  /** What is done there. */
  readonly what: string;
  /** Throws where it fails. @returns what was found, in a few words */
  run(): Promise<string>;
}

/** The oldest Node that is supported. */
const oldestNode = '20.19.0';

function expectThat(holds: boolean, problem: () => string): void {
  if (!holds) throw new Error(problem());
}

/** The result of the training program, as JSON. */
function checkTraining(text: string): TrainingResult & Record<string, unknown> {
  expectThat(text.startsWith('{'), () => text);
  const result = JSON.parse(text) as TrainingResult & Record<string, unknown>;
  const { product, losses } = result;
  expectThat(product.join() === '7,10,15,22', () => `[[1, 2], [3, 4]] squared is ${product.join()}`);
  const [first = Number.NaN] = losses;
  expectThat((losses.at(-1) ?? Number.NaN) < first && losses.length === 5, () => `losses: ${losses.join(', ')}`);
  return result;
}

const lossText = ({ losses }: TrainingResult): string =>
  `loss ${losses[0]?.toFixed(3)} to ${losses.at(-1)?.toFixed(3)}`;

/** No installed package, other than the project's own tools, asks for a newer Node. */
async function enginesHold({ folder }: Project): Promise<string> {
  const { packages } = JSON.parse(readFileSync(join(folder, 'node_modules/.package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; optional?: boolean; engines?: { node?: string } }>;
  };
  const used = Object.entries(packages).filter(([, { dev, optional }]) => dev !== true && optional !== true);
  const tooNew = used.flatMap(([path, { engines }]) =>
    engines?.node === undefined || semver.satisfies(oldestNode, engines.node) ? [] : [`${path} needs ${engines.node}`],
  );
  expectThat(tooNew.length === 0, () => tooNew.join('\n'));
  return `${used.length} packages`;
}

/** Imports that name every subpath with declarations. */
const everySubpath = (packages: readonly Package[]): string[] =>
  packages.flatMap(({ manifest: { name, exports = {} } }) =>
    Object.entries(exports).flatMap(([path, entry]) =>
      typeof entry === 'object' && entry.types !== undefined ? [`${name}${path.slice(1)}`] : [],
    ),
  );

/** Those that browsers load. */
const forBrowsers = (subpaths: readonly string[]): string[] =>
  subpaths.filter((name) => /\/browser$|^@tessera\/(tensor|autograd|nn|models)$/.test(name));

const importing = (subpaths: readonly string[]): string =>
  `${subpaths.map((name, k) => `import * as package${k} from '${name}';`).join('\n')}
export const names: readonly object[] = [${subpaths.map((_, k) => `package${k}`).join(', ')}];\n`;

/** Compiler options of a new project, without skipLibCheck. */
const strict = { strict: true, noEmit: true, skipLibCheck: false };

function writeTypedProgram({ folder }: Project, packages: readonly Package[]): void {
  const all = everySubpath(packages);
  writeFileSync(join(folder, 'every-package.ts'), importing(all));
  writeFileSync(join(folder, 'every-page.ts'), importing(forBrowsers(all)));
  const node = { ...strict, target: 'es2022', module: 'nodenext', allowImportingTsExtensions: true, types: ['node'] };
  const page = { ...strict, target: 'es2022', lib: ['es2022', 'dom'], types: [], allowImportingTsExtensions: true };
  const configs = {
    node: { compilerOptions: node, files: ['every-package.ts', 'program.ts'] },
    page: {
      compilerOptions: { ...page, module: 'esnext', moduleResolution: 'bundler' },
      files: ['every-page.ts', 'page.ts'],
    },
  };
  for (const [name, config] of Object.entries(configs))
    writeFileSync(join(folder, `tsconfig.${name}.json`), JSON.stringify(config, null, 2));
}

async function compiles(project: Project, major: 5 | 6, config: 'node' | 'page'): Promise<string> {
  const compiler = join(project.folder, `node_modules/typescript-${major}/bin/tsc`);
  await runOrThrow(process.execPath, [compiler, '-p', `tsconfig.${config}.json`], { cwd: project.folder });
  return 'no errors';
}

/** What is used of the project's esbuild. */
interface Esbuild {
  build(options: object): Promise<unknown>;
  transform(code: string, options: object): Promise<{ code: string }>;
}

const esbuildOf = async ({ folder }: Project): Promise<Esbuild> =>
  (await import(pathToFileURL(join(folder, 'node_modules/esbuild/lib/main.js')).href)) as Esbuild;

/** Takes the types off the programs, with esbuild: Node 20 cannot. */
async function stripPrograms(project: Project, programs: readonly string[]): Promise<void> {
  const { folder } = project;
  const { transform } = await esbuildOf(project);
  for (const name of programs) {
    const code = readFileSync(join(folder, name), 'utf8').replaceAll(/(from '\.\/\w+)\.ts'/g, "$1.js'");
    const { code: stripped } = await transform(code, { loader: 'ts', format: 'esm' });
    writeFileSync(join(folder, name.replace(/\.ts$/, '.js')), stripped);
  }
}

async function runsProgram(project: Project, major: NodeMajor): Promise<string> {
  const out = await runOrThrow(project.node(major), ['program.js'], { cwd: project.folder });
  const result = checkTraining(out.trim());
  const { task, pixels, parameters, worst, page } = result as Record<string, unknown>;
  expectThat(task === 'contrastive', () => `task ${task}`);
  expectThat(String(pixels) === '32,64,208', () => `the first pixel is ${pixels}`);
  const [before, after] = parameters as number[];
  expectThat(before === after && before !== undefined && before > 0, () => `parameters: ${parameters}`);
  expectThat(Number(worst) < 1e-5, () => `gradcheck: ${worst}`);
  expectThat(page === true, () => 'the page of the dashboard is missing');
  return `${lossText(result)}, ${result.threads} threads`;
}

/** Imports everything, so that no file is missing in a tarball. */
async function importsEverything(project: Project, major: NodeMajor): Promise<string> {
  const code = "import { names } from './every-package.js'; console.log(names.length)";
  const out = await runOrThrow(project.node(major), ['--input-type=module', '--eval', code], { cwd: project.folder });
  return `${out.trim()} entry points`;
}

/** Without the variables of `npm run`, in which this script runs. */
const userEnvironment = { ...process.env, INIT_CWD: undefined, NODE_OPTIONS: undefined, NO_COLOR: '1' };

/** From pictures to a trained and evaluated model, with the command. */
async function commandTrains(project: Project, major: NodeMajor): Promise<string> {
  const { folder } = project;
  const work = join(folder, `work-${major}`);
  mkdirSync(work);
  await writePictures(join(work, 'pictures'));
  const settings = [
    ...['training.batchSize=4', 'training.epochs=1', 'evaluation.batchSize=4', 'runtime.peakGflops=1'],
    ...['tokenizer.vocabularySize=540', 'schedule.warmupSteps=1'],
  ].flatMap((setting) => ['--set', setting]);
  const tessera = (...args: string[]): Promise<string> =>
    runOrThrow(project.node(major), [join(folder, 'node_modules/@tessera/cli/bin/tessera.js'), ...args], {
      cwd: work,
      env: userEnvironment,
    });
  const built = await tessera('build-dataset', 'pictures', '--out', 'dataset');
  expectThat(built.includes('npx tessera train --data dataset'), () => built);
  writeFileSync(join(work, 'own-logger.ts'), readFileSync(new URL('programs/own-logger.txt', import.meta.url)));
  writeFileSync(join(work, 'tsconfig.json'), '{ "compilerOptions": { "experimentalDecorators": true } }');
  const own = ['--import', 'own-logger.ts'];
  const trained = await tessera('train', '--preset', 'tiny', '--data', 'dataset', '--run', 'run', ...own, ...settings);
  expectThat(trained.includes('report: run/report.html'), () => trained);
  const logged = readFileSync(join(work, 'run/own.txt'), 'utf8');
  expectThat(logged.startsWith('1 Loud start\n2 Loud '), () => `the logger of --import has written ${logged}`);
  const evaluated = JSON.parse(await tessera('eval', 'run', '--json')) as { retrieval: { split: string }[] };
  expectThat(evaluated.retrieval[0]?.split === 'test', () => JSON.stringify(evaluated));
  return 'build-dataset, train with a TypeScript module, eval';
}

/** `npx` finds the command, and answers a mistake. */
async function npxAnswers(project: Project): Promise<string> {
  const { status, all } = await run('npx', ['--no-install', 'tessera', 'trian'], {
    cwd: project.folder,
    env: userEnvironment,
  });
  expectThat(status === 2 && all.includes('did you mean train?'), () => `exit status ${status}: ${all}`);
  return 'unknown command: suggestion, exit status 2';
}

/** Opens an address in Chromium, and waits for the page's result. */
async function inChromium(url: string): Promise<TrainingResult> {
  const executable = findChromium();
  if (executable === null) throw new Skipped('there is no Chromium on the path');
  const browser = await launchChromium(executable);
  try {
    const page = await browser.newPage();
    const problems: string[] = [];
    page.on('response', (response) => {
      if (response.status() >= 400 && !response.url().endsWith('favicon.ico'))
        problems.push(`${response.status()} ${response.url()}`);
    });
    page.on('console', (message) => message.type() !== 'log' && problems.push(message.text()));
    page.on('pageerror', (error) => problems.push(String(error)));
    await page.goto(url);
    const found = await page
      .waitForFunction(() => (globalThis as { result?: string }).result, undefined, { timeout: 60_000 })
      .then((handle) => handle.jsonValue())
      .catch((error: Error) => `${error.message}\n${problems.join('\n')}`);
    const result = checkTraining(String(found));
    const threadProblem = problems.find((problem) => problem.includes('worker'));
    expectThat(threadProblem === undefined, () => String(threadProblem));
    return result;
  } finally {
    await browser.close();
  }
}

/** The headers with which a page may use several threads. */
const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

/** Asks a server for a file and for what it imports. */
async function answers(server: string, path: string, asked = new Set<string>()): Promise<void> {
  if (asked.has(path)) return;
  asked.add(path);
  const answer = await fetch(new URL(path, server));
  const text = await answer.text();
  expectThat(answer.ok, () => `${path}: ${answer.status}\n${text.slice(0, 2000)}`);
  for (const [, imported = ''] of text.matchAll(/(?:from|import) ?"(\/[^"]+)"/g))
    await answers(server, imported, asked);
}

async function withVite(
  { folder }: Project,
  start: (vite: typeof import('vite'), root: string) => Promise<ViteDevServer | PreviewServer>,
  name: string,
): Promise<string> {
  const root = join(folder, name);
  mkdirSync(root);
  for (const program of ['page.ts', 'training.ts']) copyFileSync(join(folder, program), join(root, program));
  writeFileSync(
    join(root, 'index.html'),
    '<!doctype html><title>page</title><script type="module" src="/page.ts"></script>',
  );
  const entry = pathToFileURL(join(folder, 'node_modules/vite/dist/node/index.js')).href;
  const server = await start((await import(entry)) as typeof import('vite'), root);
  try {
    const url = server.resolvedUrls?.local[0] ?? '';
    await answers(url, name === 'vite-dev' ? '/page.ts' : '/');
    const result = await inChromium(url);
    const threads = Math.min(availableParallelism(), result.threads);
    expectThat(availableParallelism() === 1 || threads > 1, () => `it runs on ${result.threads} thread`);
    return `${lossText(result)}, ${result.threads} threads`;
  } finally {
    await server.close();
  }
}

const viteDevelops = (project: Project): Promise<string> =>
  withVite(
    project,
    async ({ createServer }, root) =>
      (await createServer({ root, configFile: false, logLevel: 'error', server: { port: 0, headers } })).listen(),
    'vite-dev',
  );

const viteBuilds = (project: Project): Promise<string> =>
  withVite(
    project,
    async ({ build, preview }, root) => {
      await build({ root, configFile: false, logLevel: 'error' });
      return preview({ root, configFile: false, logLevel: 'error', preview: { port: 0, headers } });
    },
    'vite-build',
  );

/** A bundle for Node, with the packages of tensors inside. It runs on one thread: a bundle does not have the script of the others. */
async function esbuildBundles(project: Project): Promise<string> {
  const { folder } = project;
  writeFileSync(
    join(folder, 'bundle.ts'),
    "import { train } from './training.ts';\nconsole.log(JSON.stringify(await train()));\n",
  );
  const { build } = await esbuildOf(project);
  const options = { bundle: true, platform: 'node', format: 'esm', logLevel: 'silent' };
  await build({ ...options, entryPoints: [join(folder, 'bundle.ts')], outfile: join(folder, 'bundle.mjs') });
  const out = await runOrThrow(project.node(20), ['bundle.mjs'], {
    cwd: folder,
    env: { ...userEnvironment, TESSERA_THREADS: '1' },
  });
  return lossText(checkTraining(out.trim()));
}

/** Copies the programs into the project, and lists the checks. */
export async function projectChecks(project: Project, packages: readonly Package[]): Promise<Check[]> {
  const programs = ['training.ts', 'page.ts', 'program.ts'];
  for (const name of programs)
    copyFileSync(new URL(`programs/${name}`, import.meta.url), join(project.folder, basename(name)));
  writeTypedProgram(project, packages);
  await stripPrograms(project, [...programs, 'every-package.ts']);
  return [
    ...([5, 6] as const).map(
      (major): Check => ({
        platform: `TypeScript ${major}`,
        what: 'a strict program over every entry point, without skipLibCheck',
        run: () => compiles(project, major, 'node'),
      }),
    ),
    {
      platform: 'TypeScript 5',
      what: "the same for a page, without Node's types",
      run: () => compiles(project, 5, 'page'),
    },
    { platform: 'Vite', what: 'the development server', run: () => viteDevelops(project) },
    { platform: 'Vite', what: 'a built page', run: () => viteBuilds(project) },
    { platform: 'Node 20', what: 'npx tessera: from pictures to results', run: () => commandTrains(project, 20) },
    ...nodeMajors.flatMap((major): Check[] => [
      { platform: `Node ${major}`, what: 'imports every entry point', run: () => importsEverything(project, major) },
      {
        platform: `Node ${major}`,
        what: 'a program that uses every package',
        run: () => runsProgram(project, major),
      },
    ]),
    {
      platform: `Node ${oldestNode}`,
      what: 'is new enough for every installed package',
      run: () => enginesHold(project),
    },
    { platform: 'npm', what: 'npx tessera', run: () => npxAnswers(project) },
    { platform: 'esbuild', what: 'a bundle, run on Node 20', run: () => esbuildBundles(project) },
  ];
}
