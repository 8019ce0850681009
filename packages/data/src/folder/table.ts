/** Reading of CSV, TSV and JSONL files with their line numbers. */
import fs from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { parse } from 'csv-parse';
import { errorMessage, readProblem } from '../io/file-system.ts';
import { InputProblems } from './problems.ts';

/** A row of a table, and the line of the file on which it starts, counted from 1. */
export interface TableRow {
  line: number;
  /** The values by column: strings from CSV and TSV, any JSON value from JSONL. */
  values: Record<string, unknown>;
}

/** Whether all values are texts (CSV, TSV), or those of JSON. */
export type TableKind = 'text' | 'json';

export interface Table {
  kind: TableKind;
  columns: string[];
  rows: TableRow[];
}

const readers: Record<string, (file: string, text: string) => Table | Promise<Table>> = {
  '.csv': (file, text) => parseDelimited(file, text, ','),
  '.tsv': (file, text) => parseDelimited(file, text, '\t'),
  '.jsonl': readJsonLines,
};

/** File name extensions of the supported formats. */
export const tableEndings = Object.keys(readers);

export const isTableName = (name: string): boolean => tableEndings.includes(path.extname(name).toLowerCase());

/**
 * Reads a CSV, TSV or JSONL (one object per line) file. Lines end in LF, CR LF or CR, also mixed. In CSV and TSV files, the first line tells
 * what separates the fields: commas, semicolons, tabs or vertical bars. A quote within a field that is not quoted is a character as others.
 *
 * @param encoding of the file, in the names of the WHATWG encoding standard; default: UTF-16 with a byte order mark, else UTF-8
 * @throws InputProblems with line numbers: bytes that are not text, unnamed or repeated columns, rows of another length, broken quotes
 */
export async function readTable(file: string, encoding?: string): Promise<Table> {
  const read = readers[path.extname(file).toLowerCase()];
  if (!read) throw new Error(`${file}: expected a file name that ends in ${tableEndings.join(', ')}`);
  const table = await read(file, await readText(file, encoding));
  if (table.rows.length === 0) throw new InputProblems(file, ['it has no rows']);
  return table;
}

async function readText(file: string, encoding: string | undefined): Promise<string> {
  const bytes = await fs.readFile(file).catch((error: unknown) => {
    throw new Error(`${file}: ${readProblem(error)}`);
  });
  const name = encoding ?? byteOrderMark(bytes) ?? 'utf-8';
  try {
    // Without the byte order mark.
    return decoder(name).decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const found = firstUndecodable(bytes, name);
    throw new InputProblems(file, [
      `${found}is not ${name.toUpperCase()}; save the file as UTF-8, or name its encoding, such as windows-1252`,
    ]);
  }
}

/** @throws RangeError where the encoding is not known */
function decoder(encoding: string): InstanceType<typeof TextDecoder> {
  try {
    return new TextDecoder(encoding, { fatal: true });
  } catch {
    throw new RangeError(`the encoding ${encoding} is not known; examples: utf-8, utf-16le, windows-1252, shift_jis`);
  }
}

const byteOrderMark = ([first, second]: Uint8Array): string | null =>
  first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : null;

/** Names the first line that cannot be decoded. */
function firstUndecodable(bytes: Uint8Array, encoding: string): string {
  if (encoding.startsWith('utf-16')) return 'it ';
  for (let [line, start] = [1, 0]; start < bytes.length; line++) {
    const found = bytes.indexOf(0x0a, start);
    const end = found === -1 ? bytes.length : found;
    try {
      decoder(encoding).decode(bytes.subarray(start, end));
    } catch {
      return `line ${line}: "${new TextDecoder(encoding).decode(bytes.subarray(start, end)).trim().slice(0, 60)}" `;
    }
    start = end + 1;
  }
  return 'it ';
}

const delimiters = [',', ';', '\t', '|'];

/** The delimiter that most fields of the first line have between them; the one of the file's ending where that does not decide. */
function findDelimiter(text: string, usual: string): string {
  const header = /^[^\r\n]*/.exec(text.trimStart())?.[0].replaceAll(/"[^"]*"/g, '') ?? '';
  const count = (delimiter: string): number => header.split(delimiter).length;
  return delimiters.reduce((best, delimiter) => (count(delimiter) > count(best) ? delimiter : best), usual);
}

/**
 * The rows of a text with separated fields, whose first line has the names of the columns.
 *
 * @param file its name, for messages
 * @param usual what separates the fields where the first line does not tell
 */
export async function parseDelimited(file: string, text: string, usual: string): Promise<Table> {
  const parser = Readable.from([text]).pipe(
    parse({
      delimiter: findDelimiter(text, usual),
      record_delimiter: ['\r\n', '\n', '\r'],
      info: true,
      relax_column_count: true,
      relax_quotes: true,
      skip_empty_lines: true,
      ltrim: true,
    }),
  );
  let columns: string[] | null = null;
  const rows: TableRow[] = [];
  const problems: string[] = [];
  let line = 1;
  try {
    for await (const { record: fields, info } of parser as AsyncIterable<{
      record: string[];
      info: { lines: number };
    }>) {
      const record = fields.map(trimField);
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
  return { kind: 'text', columns: columns ?? [], rows };
}

/** A field without the space at its end, which keeps the parser from seeing that a field is quoted. */
function trimField(field: string): string {
  const text = field.trim();
  const isQuoted = text !== field && /^".*"$/su.test(text);
  return isQuoted ? text.slice(1, -1).replaceAll('""', '"') : text;
}

function checkColumns(file: string, columns: string[]): void {
  const problems: string[] = [];
  columns.forEach((name, i) => {
    if (name === '') problems.push(`line 1: column ${i + 1} has no name`);
    else if (columns.indexOf(name) < i) problems.push(`line 1: there are two columns "${name}"`);
  });
  if (problems.length > 0) throw new InputProblems(file, problems);
}

function readJsonLines(file: string, content: string): Table {
  const columns = new Set<string>();
  const rows: TableRow[] = [];
  const problems: string[] = [];
  // JSON's strings contain no line ends but U+2028 and U+2029, which end no line here.
  for (const [index, text] of content.split(/\r\n|\n|\r/).entries()) {
    const line = index + 1;
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
  return { kind: 'json', columns: [...columns], rows };
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === 'object' && json !== null && !Array.isArray(json) ? (json as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
