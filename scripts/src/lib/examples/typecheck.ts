/** Checks the types of all programs of the documentation in one run of the compiler. */
import { execFile } from 'node:child_process';
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { type Program, placeOf } from './program.ts';

/** The strictness of most projects, which is less than that of this repository's own sources. */
const configOf = (root: string, programs: readonly Program[]) => ({
  extends: join(root, 'tsconfig.base.json'),
  compilerOptions: {
    noUnusedLocals: false,
    noUnusedParameters: false,
    noUncheckedIndexedAccess: false,
    rewriteRelativeImportExtensions: false,
    allowImportingTsExtensions: true,
  },
  files: programs.map(({ file }) => file),
});

/** A line of the compiler about a place: `FILE(LINE,COLUMN): error ...`; further lines of it are indented. */
const faultLine = /^(\S+?\.ts)\((\d+),(\d+)\): (.*)$/;

/** The compiler's messages about the programs, which are files in `folder`, by page and line. */
export async function typeFaults(root: string, folder: string, programs: readonly Program[]): Promise<string[]> {
  await fs.writeFile(join(folder, 'tsconfig.json'), JSON.stringify(configOf(root, programs)));
  const compiler = join(root, 'node_modules/.bin/tsc');
  const output = await new Promise<string>((resolve) => {
    execFile(
      compiler,
      ['-p', folder, '--pretty', 'false'],
      { cwd: folder, maxBuffer: 2 ** 26 },
      (error, stdout, stderr) => resolve(error === null ? '' : `${stdout}${stderr}`.trimEnd() || error.message),
    );
  });
  const byFile = new Map(programs.map((program) => [program.file, program]));
  let fromElsewhere = false;
  return output.split('\n').flatMap((line) => {
    const [, file, row, column, message] = faultLine.exec(line) ?? [];
    const program = byFile.get(file ?? '');
    // The sources of the packages are checked elsewhere, with stricter settings. Further lines of a message are indented.
    if (file !== undefined || !line.startsWith(' ')) fromElsewhere = file !== undefined && program === undefined;
    if (fromElsewhere || line === '') return [];
    return program === undefined ? [line] : [`${placeOf(program, Number(row))}:${column}: ${message}`];
  });
}
