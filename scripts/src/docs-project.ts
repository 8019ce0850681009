/**
 * npm run docs:project: runs the commands of docs/first-project.md in an empty folder, with the built packages. Its part in Python runs
 * where TESSERA_PYTHON, or else python3, has transformers and PyTorch.
 */
import { execFileSync } from 'node:child_process';
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { styleText } from 'node:util';
import { type Block, blocksOf } from './lib/examples/blocks.ts';
import { repository } from './lib/examples/run.ts';
import { Shell, type ShellResult } from './lib/examples/shell.ts';

const page = 'docs/first-project.md';
const python = process.env.TESSERA_PYTHON ?? 'python3';

function hasTransformers(): boolean {
  try {
    execFileSync(python, ['-c', 'import torch, transformers, PIL'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const blocks = blocksOf(page, await fs.readFile(join(repository, page), 'utf8'));
const folder = await fs.mkdtemp(join(tmpdir(), 'first-project-'));
const shell = new Shell(repository, folder);
let faults = 0;
let ran = 0;

/** Runs something of the page, and says how it went. */
async function step(line: number, work: () => Promise<ShellResult>): Promise<void> {
  const started = performance.now();
  const { command, status, output } = await work();
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  ran++;
  if (status === 0) return console.log(`${styleText('green', '✓')} ${page}:${line} ${command} ${seconds} s`);
  faults++;
  console.log(`${styleText('red', '✗')} ${page}:${line} ${command}: exit status ${status}\n${output.trim()}`);
}

/** The commands of a block; none if it cannot run here. */
function commandsOf({ language, code, line }: Block): [number, () => Promise<ShellResult>][] {
  if (language === 'sh')
    return code
      .trimEnd()
      .split('\n')
      .map((command, k) => [line + k, () => shell.run(command)]);
  if (language !== 'python') return [];
  if (hasTransformers())
    return [[line, async () => ({ ...(await shell.program(python, code)), command: 'in Python' })]];
  console.log(`- ${page}:${line} not run: ${python} has no transformers`);
  return [];
}

try {
  for (const [line, work] of blocks.flatMap(commandsOf)) {
    await step(line, work);
    // What follows needs what failed.
    if (faults > 0) break;
  }
  console.log(`${ran} commands, ${faults} faults`);
  process.exitCode = ran > 0 && faults === 0 ? 0 : 1;
} finally {
  await fs.rm(folder, { recursive: true });
}
