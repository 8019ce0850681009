/** Notebook files: Jupyter's format 4. */
import { readFile } from 'node:fs/promises';
import { writeFileAtomic } from '@tessera/data/io';

/** Text as the format writes it: lines with their ends, or one text. */
export type MultilineText = string | readonly string[];

interface StreamOutput {
  readonly output_type: 'stream';
  readonly name: string;
  readonly text: MultilineText;
}

interface DataOutput {
  readonly output_type: 'execute_result' | 'display_data';
  readonly data: Readonly<Record<string, unknown>>;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly execution_count?: number | null;
}

interface ErrorOutput {
  readonly output_type: 'error';
  readonly ename: string;
  readonly evalue: string;
  readonly traceback: readonly string[];
}

export type Output = StreamOutput | DataOutput | ErrorOutput;

export interface Cell {
  readonly cell_type: 'code' | 'markdown' | 'raw';
  readonly source: MultilineText;
  readonly outputs?: readonly Output[];
  readonly execution_count?: number | null;
  readonly [key: string]: unknown;
}

export interface Notebook {
  readonly nbformat: number;
  readonly cells: readonly Cell[];
  readonly [key: string]: unknown;
}

export const textOf = (text: MultilineText): string => (typeof text === 'string' ? text : text.join(''));

/** Lines with their ends, as notebook files have them, so that changes of a line are changes of a line in the file. */
export const linesOf = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];

/** @throws where the file cannot be read or is not a notebook of format 4; the message names it */
export async function readNotebook(path: string): Promise<Notebook> {
  const text = await readFile(path, 'utf8');
  let value: Partial<Notebook> | null;
  try {
    value = JSON.parse(text) as Partial<Notebook> | null;
  } catch (cause) {
    throw new Error(`${path}: not valid JSON`, { cause });
  }
  if (value?.nbformat !== 4 || !Array.isArray(value.cells))
    throw new Error(`${path}: needs a notebook of format 4 with "cells", got nbformat ${value?.nbformat}`);
  return value as Notebook;
}

/** Writes a notebook as Jupyter does: keys in alphabetic order, one space of indentation. */
export const writeNotebook = (path: string, notebook: Notebook): Promise<void> =>
  writeFileAtomic(path, [`${JSON.stringify(sorted(notebook), null, 1)}\n`]);

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}

/** What the outputs of a cell are, without their content: `stream stdout`, `execute_result image/png text/plain`. */
export function kindsOf(outputs: readonly Output[]): string[] {
  const kinds = outputs.map((output) => {
    switch (output.output_type) {
      case 'stream':
        return `stream ${output.name}`;
      case 'error':
        return `error ${output.ename}`;
      case 'execute_result':
      case 'display_data':
        return `${output.output_type} ${Object.keys(output.data).sort().join(' ')}`;
      default:
        return output satisfies never;
    }
  });
  return kinds.filter((kind, k) => kind !== kinds[k - 1]);
}
