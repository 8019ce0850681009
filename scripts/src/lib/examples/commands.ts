/** The commands in a page's blocks: each must exist, and know the options that the page names. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Block } from './blocks.ts';

interface Use {
  readonly place: string;
  /** The script of package.json, and for commands with commands of their own that one. */
  readonly names: readonly string[];
  readonly options: readonly string[];
}

/** Commands that have commands of their own. */
const withCommands: ReadonlySet<string> = new Set(['data', 'split']);

/** Scripts that are no command lines of ours. */
const others: ReadonlySet<string> = new Set([
  'test',
  'build',
  'docs',
  'check',
  'typecheck',
  'lint',
  'format',
  'layers',
  'deadcode',
]);

/** The uses of `npm run NAME -- ARGUMENTS` in a block. Quoted texts and comments have no options. */
export function usesIn({ page, line, code }: Block): Use[] {
  return code.split('\n').flatMap((text, k) =>
    [
      ...text.replaceAll(/'[^']*'|"[^"]*"| #.*/g, ' ').matchAll(/npm run (?:--silent )?([\w:-]+)((?: (?!\||&&)\S+)*)/g),
    ].map(([, name = '', rest = '']) => {
      const words = rest.split(' ').filter((word) => word !== '' && word !== '--');
      const command = withCommands.has(name) && /^\w+$/.test(words[0] ?? '') ? [words[0] ?? ''] : [];
      return {
        place: `${page}:${line + k}`,
        names: [name, ...command],
        options: words.filter((word) => word.startsWith('--')),
      };
    }),
  );
}

function helpOf(root: string, script: string, names: readonly string[]): Promise<string> {
  const [, ...words] = script.split(' ');
  return new Promise((resolve) => {
    execFile(process.execPath, [...words, ...names, '--help'], { cwd: root }, (_, stdout, stderr) =>
      resolve(stdout + stderr),
    );
  });
}

/** What is wrong with the commands of blocks. */
export async function commandFaults(root: string, blocks: readonly Block[]): Promise<string[]> {
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const faults: string[] = [];
  const byCommand = Map.groupBy(blocks.flatMap(usesIn), ({ names }) => names.join(' '));
  for (const [command, uses] of byCommand) {
    const [name = '', ...rest] = command.split(' ');
    const script = scripts[name];
    if (script === undefined) faults.push(...uses.map(({ place }) => `${place}: there is no npm run ${name}`));
    if (script === undefined || others.has(name) || !script.startsWith('node ')) continue;
    const help = await helpOf(root, script, rest);
    for (const { place, options } of uses)
      for (const option of options)
        if (!new RegExp(`${option.split('=')[0]}(?![\\w-])`).test(help))
          faults.push(`${place}: npm run ${command} has no option ${option}`);
  }
  return faults;
}
