/** What the commands share, for other command lines. */
export { fromCaller, toCaller } from './lib/call.ts';
export { backendOption, chooseBackend, commandLine, exitCodes, runCommand, UsageError } from './lib/command.ts';
export { locateData, locateDataset } from './lib/datasets.ts';
export { formatTable } from './lib/table.ts';
export { main } from './main.ts';
