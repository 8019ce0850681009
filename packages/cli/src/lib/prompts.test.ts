// Templates and names of classes from files.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readClassNames, readTemplates } from './prompts.ts';

let root: string;
beforeAll(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'tessera-prompts-'));
});
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

function file(content: string): string {
  const name = path.join(root, 'file.txt');
  fs.writeFileSync(name, content);
  return name;
}

test('templates by name, by line and as JSON', async () => {
  expect(await readTemplates('plain')).toEqual(['{}']);
  expect(await readTemplates(file('\ufeffa photo of a {}.\r\n\r\n{}\n'))).toEqual(['a photo of a {}.', '{}']);
  expect(await readTemplates(file('["a {}", "{} [x]"]'))).toEqual(['a {}', '{} [x]']);
  // A template may begin with the class name.
  expect(await readTemplates(file('{}\n{} in the snow\n'))).toEqual(['{}', '{} in the snow']);
  await expect(readTemplates(file('a photo\n'))).rejects.toThrow('"a photo" has no {} at the place of the class name');
  await expect(readTemplates(file(''))).rejects.toThrow('expected one template per line, or a JSON list');
  await expect(readTemplates('phto')).rejects.toThrow('there is no such file; expected a file, or one of plain, photo');
});

test('names of classes by line, as a JSON list and as a JSON object', async () => {
  expect(await readClassNames(file('cat\n dog \n'))).toEqual(['cat', 'dog']);
  expect(await readClassNames(file('[\n"cat", "dog"]'))).toEqual(['cat', 'dog']);
  expect(await readClassNames(file('{"n1": "cat"}'))).toEqual({ n1: 'cat' });
  await expect(readClassNames(file('["cat", 3]'))).rejects.toThrow('expected one name per line');
  await expect(readClassNames(file('["cat"'))).rejects.toThrow('is not JSON');
});
