/** The list of classes in the report and in the terminal. */
import { expect, it } from 'vitest';
import { ClassCounter, scoreClasses } from './class-scores.ts';
import { bestFirst, classesCard, classNotes } from './classes-card.ts';

/** Classes with ten examples each, of which class c finds c modulo 11; the last one has no examples. */
function report(classes: number) {
  const counter = new ClassCounter(classes + 1);
  for (let c = 0; c < classes; c++) for (let k = 0; k < 10; k++) counter.add([c], [k < c % 11 ? c : (c + 1) % classes]);
  const classNames = Array.from({ length: classes + 1 }, (_, c) => `class ${c}`);
  return { classNames, scores: scoreClasses(counter.counts, 'occurring'), counted: 'images', column: null };
}

const headers = (text: string): string[] =>
  [...text.matchAll(/<tr><th scope="row"[^>]*>([^<]*)</g)].map(([, header]) => header ?? '');

it('lists the classes from the best to the worst, those without examples last', () => {
  const short = report(5);
  const values = bestFirst(short).map(({ value }) => value ?? -1);
  expect(values.slice(0, -1)).toEqual(values.slice(0, -1).toSorted((a, b) => b - a));
  expect(headers(classesCard(short).text)).toEqual([
    ...bestFirst(short).map(({ name }) => name),
    'All together (micro)',
    'Mean (macro)',
    'Weighted mean',
  ]);
  expect(bestFirst(short).at(-1)?.name).toBe('class 5');
});

it('cuts a long list to its best and worst classes, and says how many are missing', () => {
  const long = report(60);
  const found = headers(classesCard(long).text);
  const occurring = bestFirst(long).slice(0, 60);
  expect(found.slice(0, 20)).toEqual(occurring.slice(0, 20).map(({ name }) => name));
  expect(found[20]).toBe('… 21 more, in evaluation.json …');
  expect(found.slice(21, 41)).toEqual(occurring.slice(-20).map(({ name }) => name));
  expect(found).toHaveLength(44);
});

it('orders the classes by a column of their own', () => {
  const column = { label: 'IoU', values: [0.1, 0.3, null, 0.2] };
  const own = { ...report(3), column };
  expect(bestFirst(own).map(({ name }) => name)).toEqual(['class 1', 'class 0', 'class 2', 'class 3']);
  expect(classesCard(own).text).toContain('<th scope="col">IoU</th>');
  expect(classNotes('IoU', 'test', own)).toEqual(['IoU, test:', '  class 1 30.00 %, class 0 10.00 %, class 2 -']);
  const many = report(22);
  const names = bestFirst(many).map(({ name, f1 }) => `${name} ${(100 * f1).toFixed(2)} %`);
  expect(classNotes('F1', 'test', many)).toEqual([
    'F1, test:',
    `  highest: ${names.slice(0, 5).join(', ')}`,
    `  lowest: ${names.slice(17, 22).reverse().join(', ')}`,
  ]);
});
