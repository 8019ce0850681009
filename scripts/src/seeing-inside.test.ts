/**
 * Compares `docs/seeing-inside.md` with what its program prints. To update the blocks that quote a whole section:
 *
 *     npx vitest run scripts/src/seeing-inside.test.ts -u
 */
import { spawn } from 'node:child_process';
import { promises as fs } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { outcome, sourceArguments } from '@tessera/cli/testing';
import { beforeAll, describe, expect, it } from 'vitest';

const pagePath = fileURLToPath(new URL('../../docs/seeing-inside.md', import.meta.url));
const page = await fs.readFile(pagePath, 'utf8');

/** The bodies of the page's fenced blocks of a language. */
const blocksOf = (language: string): string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].flatMap(([, body]) => body ?? []);

/** Times differ from run to run, and the size of code from machine to machine. */
const normalized = (text: string): string =>
  text.replace(/\d+\.\d+ ms/g, '0.00 ms').replace(/(: (?:WebAssembly|JavaScript)), \d+ bytes/g, '$1');

/** What the page's program prints for each form, by the heading of the section. */
const sections = new Map<string, string>();

beforeAll(async () => {
  const program = blocksOf('ts')[0] ?? '';
  for (const backend of ['wasm', 'gpujs:cpu']) {
    const child = spawn(process.execPath, [...sourceArguments, '--input-type=module-typescript', '-', backend], {
      cwd: fileURLToPath(new URL('..', import.meta.url)),
      env: { ...process.env, TESSERA_DEBUG: 'all', NO_COLOR: '1' },
    });
    child.stdin.end(program);
    const { status, err } = await outcome(child);
    expect(status, err).toBe(0);
    for (const [, heading, text] of err.matchAll(/^(== [^\n]* ==)\n(.*?)\n(?=\n== |\n*$(?![\s\S]))/gms))
      if (heading !== undefined && text !== undefined) sections.set(heading, text);
  }
});

const headingOf = (block: string): string => block.split('\n')[0] ?? '';
/** A block, without its heading, in the parts between lines that say that something is left out. */
const partsOf = (block: string): string[] =>
  normalized(block.slice(headingOf(block).length + 1))
    .split(/^\.\.\.\n/m)
    .filter((part) => part !== '');

describe('docs/seeing-inside.md', () => {
  const blocks = blocksOf('text');

  it('shows every form', () => {
    const forms = blocks.map((block) => /on (\S+): (\w+) ==$/.exec(headingOf(block))?.slice(1).join(' '));
    expect(forms).toEqual([
      ...['graph', 'canonical', 'kernels', 'plan', 'code'].map((form) => `wasm ${form}`),
      'gpujs:cpu code',
      'wasm times',
    ]);
  });

  it('quotes parts of sections as they are printed', () => {
    for (const block of blocks.filter((text) => text.includes('\n...\n'))) {
      let rest = normalized(`${sections.get(headingOf(block))}\n`);
      for (const part of partsOf(block)) {
        expect(rest, headingOf(block)).toContain(part);
        rest = rest.slice(rest.indexOf(part) + part.length);
      }
    }
  });

  it('quotes whole sections as they are printed', async () => {
    let refreshed = page;
    for (const block of blocks.filter((text) => !text.includes('\n...\n'))) {
      const printed = `${headingOf(block)}\n${sections.get(headingOf(block))}\n`;
      if (normalized(printed) !== normalized(block)) refreshed = refreshed.replace(block, () => printed);
    }
    await expect(refreshed).toMatchFileSnapshot(pagePath);
  });
});
