/** Prompts and names of classes for zero-shot classification, from files. */
import { readFile } from 'node:fs/promises';
import { errorMessage, readProblem } from '@tessera/data/io';
import { promptTemplates } from '@tessera/train/evaluation';
import { fromCaller } from './call.ts';
import { UsageError } from './command.ts';

/** The content of a file: JSON if it begins with a bracket or a brace, otherwise its lines that are not empty. */
async function readContent(option: string, file: string): Promise<unknown> {
  const text = await readFile(fromCaller(file), 'utf8').catch((error: unknown) => {
    throw new UsageError(`--${option} ${file}: ${readProblem(error)}`);
  });
  const content = text.replace(/^\ufeff/, '').trim();
  if (/^[[{]["\s]/.test(content) || content === '[]') {
    try {
      return JSON.parse(content);
    } catch (error) {
      throw new UsageError(`--${option} ${file}: is not JSON (${errorMessage(error)})`);
    }
  }
  return content
    .split(/\r\n|\n|\r/)
    .map((line) => line.trim())
    .filter(Boolean);
}

const areTexts = (values: readonly unknown[]): values is string[] =>
  values.length > 0 && values.every((value) => typeof value === 'string' && value.trim() !== '');

/**
 * The templates that a name stands for, or those in a file: one per line, or a JSON list.
 *
 * @throws UsageError for an unknown name that is no file either, and for a template without {}
 */
export async function readTemplates(nameOrFile: string): Promise<readonly string[]> {
  if (Object.hasOwn(promptTemplates, nameOrFile)) return promptTemplates[nameOrFile as keyof typeof promptTemplates];
  const known = `or one of ${Object.keys(promptTemplates).join(', ')}`;
  const templates = await readContent('templates', nameOrFile).catch((error: unknown) => {
    throw error instanceof UsageError ? new UsageError(`${error.message}; expected a file, ${known}`) : error;
  });
  if (!Array.isArray(templates) || !areTexts(templates))
    throw new UsageError(`--templates ${nameOrFile}: expected one template per line, or a JSON list of texts`);
  const wrong = templates.find((template) => !template.includes('{}'));
  if (wrong !== undefined)
    throw new UsageError(`--templates ${nameOrFile}: "${wrong}" has no {} at the place of the class name`);
  return templates;
}

/** The names or texts in a file: one per line, or a JSON list. @throws UsageError where the file has another form */
export async function readNames(option: string, file: string): Promise<readonly string[]> {
  const names = await readContent(option, file);
  if (Array.isArray(names) && areTexts(names)) return names;
  throw new UsageError(`--${option} ${file}: expected one per line, or a JSON list of texts`);
}

/**
 * The names of classes in a file: one per line or a JSON list, in the order of the dataset's classes; or a JSON object from the dataset's
 * names to those to use.
 *
 * @throws UsageError where the file has another form
 */
export async function readClassNames(file: string): Promise<readonly string[] | Readonly<Record<string, string>>> {
  const names = await readContent('classes', file);
  if (typeof names === 'object' && names !== null && areTexts(Object.values(names)))
    return names as string[] | Record<string, string>;
  throw new UsageError(
    `--classes ${file}: expected one name per line, a JSON list of names, or a JSON object from the dataset's names to others`,
  );
}
