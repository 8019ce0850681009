/** The example of callbacks in docs/training.md prints what the page says. */
import { execFile } from 'node:child_process';
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { writeTinyDataset } from '@tessera/data/testing';
import { expect, it } from 'vitest';

const page = fileURLToPath(new URL('../../../docs/training.md', import.meta.url));

/** Settings that make the preset of the example small, and its data set. */
const replacements = (root: string): readonly (readonly [string, string])[] => [
  [
    "'training.epochs=3'",
    "'training.epochs=3', 'training.batchSize=6', 'data.workers=0', 'runtime.peakGflops=1', 'tokenizer.vocabularySize=560', 'model.text.contextLength=10'",
  ],
  ['datasets/built/emoji', join(root, 'data')],
  ['runs/callbacks', join(root, 'run')],
];

it('the example of callbacks prints what docs/training.md shows', async () => {
  const text = await fs.readFile(page, 'utf8');
  const section = text.slice(text.indexOf('## Callbacks'));
  const blockOf = (language: string): string =>
    new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 's').exec(section)?.[1] ?? '';
  const root = await fs.mkdtemp(join(tmpdir(), 'callbacks-'));
  try {
    await writeTinyDataset(join(root, 'data'));
    let program = blockOf('ts');
    for (const [from, to] of replacements(root)) {
      expect(program).toContain(from);
      program = program.replace(from, to);
    }
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--conditions=tessera-source', '--input-type=module-typescript', '--eval', program],
      { cwd: fileURLToPath(new URL('..', import.meta.url)), env: { ...process.env, NO_COLOR: '1' } },
    );
    expect(stdout).toBe(blockOf('text'));
  } finally {
    await fs.rm(root, { recursive: true });
  }
});
