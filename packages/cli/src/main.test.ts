// tessera: the table of commands, and what is answered without one.
import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { commands } from './commands.ts';
import { callOf, commandNames } from './lib/call.ts';
import { main } from './main.ts';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');

describe('the table of commands', () => {
  it('has a row for each file of commands/, and a script of npm for each row', () => {
    const files = readdirSync(new URL('commands', import.meta.url)).map((file) => basename(file, '.ts'));
    expect(Object.keys(commands).toSorted()).toEqual(files.toSorted());
    const { scripts } = JSON.parse(read('../../../package.json')) as { scripts: Record<string, string> };
    for (const name of commandNames)
      expect(scripts[name]).toBe(`node --conditions=tessera-source packages/cli/bin/tessera.js ${name}`);
  });

  it('is in the README, as it is printed', () => {
    for (const name of commandNames)
      expect(read('../README.md')).toContain(`| \`${name}\` | ${commands[name].summary} |`);
  });
});

describe('tessera', () => {
  afterEach(() => {
    vi.restoreAllMocks();
    process.exitCode = undefined;
  });

  /** What is printed, and the exit status. */
  async function call(...args: string[]): Promise<{ out: string; err: string; status: unknown }> {
    const [out, err] = [vi.spyOn(console, 'log'), vi.spyOn(console, 'error')].map((spy) => {
      const lines: string[] = [];
      spy.mockImplementation((line: string) => lines.push(line));
      return lines;
    });
    process.exitCode = undefined;
    await main(args);
    return { out: out?.join('\n') ?? '', err: err?.join('\n') ?? '', status: process.exitCode ?? 0 };
  }

  it('lists the commands, and prints its version', async () => {
    const { out, status } = await call('--help');
    for (const name of commandNames) expect(out).toContain(`  ${name} `);
    expect(status).toBe(0);
    expect((await call('--version')).out).toBe((JSON.parse(read('../package.json')) as { version: string }).version);
  });

  it.each([
    [['trian'], 'there is no command trian; did you mean train?'],
    [['toString'], 'there is no command toString\n'],
    [[], 'name a command\n'],
    [['train', '--dta', 'x'], `unknown option --dta; did you mean --data?\n${callOf('train', '--help')} explains`],
  ])('answers %j with a message and exit status 2', async (args, message) => {
    const { err, status } = await call(...args);
    expect(err).toContain(message);
    expect(status).toBe(2);
  });
});
