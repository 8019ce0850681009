/** The command `tessera`: finds the command that is named by its first argument, and runs it. */
import { readFileSync } from 'node:fs';
import { commands } from './commands.ts';
import { type CommandName, commandNames } from './lib/call.ts';
import { importModules, importsOf } from './lib/import-module.ts';

const isCommand = (name: string): name is CommandName => Object.hasOwn(commands, name);

function helpText(): string {
  const width = Math.max(...commandNames.map((name) => name.length));
  return `tessera COMMAND [options]

Trains and uses vision and vision-language models.

Commands:
${commandNames.map((name) => `  ${name.padEnd(width)}  ${commands[name].summary}`).join('\n')}

tessera COMMAND --help explains a command, tessera --version prints the version.`;
}

function version(): string {
  const file = new URL('../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** What is answered without loading a command, by the first argument. */
const answers: ReadonlyMap<string | undefined, () => string> = new Map([
  ['--help', helpText],
  ['-h', helpText],
  ['help', helpText],
  ['--version', version],
  ['-v', version],
]);

/** @param args the arguments after `tessera` */
export async function main([name, ...args]: readonly string[]): Promise<void> {
  // tessera help train
  if (name === 'help' && args[0] !== undefined) return main([args[0], '--help']);
  const answer = answers.get(name);
  if (answer !== undefined) {
    console.log(answer());
    return;
  }
  const { runCommand, UsageError } = await import('./lib/command.ts');
  await runCommand(async () => {
    if (name === undefined) throw new UsageError(`name a command\n\n${helpText()}`);
    if (isCommand(name)) {
      await importModules(importsOf(args));
      return (await commands[name].load()).main(args);
    }
    const { closestName } = await import('@tessera/nn');
    const near = closestName(name, commandNames);
    throw new UsageError(
      `there is no command ${name}${near === undefined ? '' : `; did you mean ${near}?`}\ntessera --help lists the commands`,
    );
  });
}
