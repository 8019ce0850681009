/** Programs of the TypeScript blocks: a file for each, in which every line can be found again on its page. */
import { join, resolve } from 'node:path';
import type { Block } from './blocks.ts';

export interface Program {
  readonly block: Block;
  /** Name of the file: the page and the line, such as `docs-debugging-21.ts`. */
  readonly file: string;
  readonly source: string;
  /** The number of lines of the file before the first line that the page shows. */
  readonly offset: number;
}

/** The program of a block. A relative import is one of the folder that the block names. */
export function programOf(root: string, block: Block): Program {
  const head = block.before === '' ? '' : `${block.before.trimEnd()}\n`;
  const { folder } = block;
  const code =
    folder === null
      ? block.code
      : block.code.replaceAll(/(?<=from ')\.{1,2}\/[^']+/g, (path) => resolve(join(root, folder), path));
  return {
    block,
    file: `${block.page.replace(/\.md$/, '').replaceAll('/', '-')}-${block.line}.ts`,
    // Without an import or an export, a file is not a module, and its names are those of all other such files.
    source: `${head}${code}export {};\n`,
    offset: head.split('\n').length - 1,
  };
}

/** `PAGE:LINE` of a line of a program's file, both from 1. A line that the page does not show counts as the block's first. */
export const placeOf = ({ block, offset }: Program, line: number): string =>
  `${block.page}:${block.line + Math.max(0, line - 1 - offset)}`;
