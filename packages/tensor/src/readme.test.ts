/** The example of the README prints what the README says. */
import { execFile } from 'node:child_process';
import { promises as fs } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const folder = fileURLToPath(new URL('..', import.meta.url));

/** Runs a program, in TypeScript, as if it were a file of this package, and returns what it prints. */
function run(program: string): Promise<string> {
  const args = ['--conditions=tessera-source', '--input-type=module-typescript', '-'];
  return new Promise((resolve, reject) => {
    const child = execFile(
      process.execPath,
      args,
      { cwd: folder, env: { ...process.env, NO_COLOR: '1' } },
      (error, out) => (error === null ? resolve(out) : reject(error)),
    );
    child.stdin?.end(program);
  });
}

it('the README shows the output of its example', async () => {
  const readme = await fs.readFile(`${folder}README.md`, 'utf8');
  const blockOf = (language: string): string =>
    new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 's').exec(readme)?.[1] ?? '';
  expect(await run(blockOf('ts'))).toBe(blockOf('text'));
});
