/** npm run software-adapter: prints what a shell must set to use WebGPU without a GPU. */
import { commandLine, runCommand, UsageError } from './lib/command.ts';
import { findSwiftShader } from './lib/software-adapter.ts';

await runCommand(async () => {
  await commandLine('software-adapter')
    .command('$0', 'Prints the environment in which WebGPU runs on the CPU (SwiftShader).')
    .example('eval "$(npm run --silent software-adapter)"', 'use it in this shell')
    .epilogue("SwiftShader comes with Debian's chromium, or with: npm install --no-save @sparticuz/chromium")
    .parseAsync();
  const adapter = findSwiftShader();
  if (adapter === null)
    throw new UsageError(
      "there is no SwiftShader here: install Debian's chromium, or npm install --no-save @sparticuz/chromium (Linux only)",
    );
  for (const [name, value] of Object.entries(adapter.environment))
    console.log(`export ${name}='${value.replaceAll("'", "'\\''")}'`);
});
