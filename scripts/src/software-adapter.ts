/** npm run software-adapter: prints the environment variables for WebGPU without a GPU. */
import { commandLine, runCommand, UsageError } from '@tessera/cli';
import { findSwiftShader } from './lib/software-adapter.ts';

await runCommand(async () => {
  await commandLine('software-adapter')
    .command('$0', 'Prints the environment variables with which WebGPU runs on the CPU (SwiftShader).')
    .example('eval "$(npm run --silent software-adapter)"', 'sets them in this shell')
    .epilogue(
      "SwiftShader is part of Debian's package chromium, and of the npm package @sparticuz/chromium (npm install --no-save @sparticuz/chromium)",
    )
    .parseAsync();
  const adapter = findSwiftShader();
  if (adapter === null)
    throw new UsageError(
      "SwiftShader was not found; install Debian's package chromium, or run npm install --no-save @sparticuz/chromium (Linux only)",
    );
  for (const [name, value] of Object.entries(adapter.environment))
    console.log(`export ${name}='${value.replaceAll("'", "'\\''")}'`);
});
