/** Reading of CSV, TSV and JSONL files with their line numbers. */
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { errorMessage } from '@tessera/data/io';
import { parse } from 'csv-parse';
import { InputProblems } from './problems.ts';

/** A row of a table, and the line of the file on which it starts, counted from 1. */
export interface TableRow {
  line: number;
  /** The values by column: strings from CSV and TSV, any JSON value from JSONL. */
  values: Record<string, unknown>;
}

export interface Table {
  columns: string[];
  rows: TableRow[];
}

const readers: Record<string, (file: string) => Promise<Table>> = {
  '.csv': (file) => readDelimited(file, ','),
  '.tsv': (file) => readDelimited(file, '\t'),
  '.jsonl': readJsonLines,
};

/** File name extensions of the supported formats. */
export const tableEndings = Object.keys(readers);

/**
 * Reads a CSV (comma), TSV (tab) or JSONL (one object per line) file.
 * @throws InputProblems with line numbers: unnamed or repeated columns, rows of another length, broken quotes
 */
export async function readTable(file: string): Promise<Table> {
  const read = readers[path.extname(file).toLowerCase()];
  if (!read) throw new Error(`${file}: expected a file name that ends in ${tableEndings.join(', ')}`);
  const table = await read(file);
  if (table.rows.length === 0) throw new InputProblems(file, ['it has no rows']);
  return table;
}

async function readDelimited(file: string, delimiter: string): Promise<Table> {
  const parser = fs
    .createReadStream(file)
    .pipe(parse({ delimiter, bom: true, info: true, relax_column_count: true, skip_empty_lines: true, trim: true }));
  let columns: string[] | null = null;
  const rows: TableRow[] = [];
  const problems: string[] = [];
  let line = 1;
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
      const start = line;
      line = info.lines + 1;
      if (!columns) {
        columns = record;
        checkColumns(file, columns);
      } else if (record.length !== columns.length) {
        problems.push(`line ${start}: ${record.length} fields, but the first line has ${columns.length}`);
      } else rows.push({ line: start, values: Object.fromEntries(columns.map((name, i) => [name, record[i]])) });
    }
  } catch (error) {
    if (error instanceof InputProblems) throw error;
    problems.push(errorMessage(error));
  }
  if (!columns) problems.push('it is empty; expected the names of the columns in the first line');
  if (problems.length > 0) throw new InputProblems(file, problems);
  return { columns: columns ?? [], rows };
}

function checkColumns(file: string, columns: string[]): void {
  const problems: string[] = [];
  columns.forEach((name, i) => {
    if (name === '') problems.push(`line 1: column ${i + 1} has no name`);
    else if (columns.indexOf(name) < i) problems.push(`line 1: there are two columns "${name}"`);
  });
  if (problems.length > 0) throw new InputProblems(file, problems);
}

async function readJsonLines(file: string): Promise<Table> {
  const columns = new Set<string>();
  const rows: TableRow[] = [];
  const problems: string[] = [];
  let line = 0;
  for await (const text of readline.createInterface({ input: fs.createReadStream(file) })) {
    line++;
    if (text.trim() === '') continue;
    const values = parseObject(text);
    if (!values) {
      problems.push(`line ${line}: is not a JSON object`);
      continue;
    }
    for (const name of Object.keys(values)) columns.add(name);
    rows.push({ line, values });
  }
  if (problems.length > 0) throw new InputProblems(file, problems);
  return { columns: [...columns], rows };
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === 'object' && json !== null && !Array.isArray(json) ? (json as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
