/** npm run devices: what there is to compute on. */
import { styleText } from 'node:util';
import { type Device, listDevices, type MissingDevice, registerReferenceBackends } from '@tessera/tensor';
import { commandLine, runCommand } from './lib/command.ts';

const readOptions = () =>
  commandLine('devices')
    .usage(
      '$0 [options]\n\nLists the backends of this machine, with limits and features, and why others are not there.',
    )
    .options({ json: { type: 'boolean', default: false, describe: 'Print one JSON document and nothing else' } })
    .parseAsync();

/** Limits that decide how large a model can be and how fast its kernels. */
const shownLimits = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
];

const shownFeatures = ['shader-f16', 'subgroups', 'timestamp-query', 'chromium-experimental-subgroup-matrix'];

function describeDevice({ backend, dtypes, facts, adapters }: Device): string[] {
  return [
    `${styleText('bold', backend)}`,
    ...Object.entries(facts).map(
      ([name, value]) => `  ${name}: ${typeof value === 'boolean' ? (value ? 'yes' : 'no') : value}`,
    ),
    ...adapters.flatMap(({ name, vendor, architecture, device, software, features, limits }, k) => [
      `  adapter${adapters.length > 1 ? ` ${k + 1}${k === 0 ? ' (taken)' : ''}` : ''}: ${name}${software ? ', in software' : ''}`,
      `    ${[vendor, architecture, device].filter((part) => part !== '').join(', ')}`,
      `    has ${shownFeatures.filter((feature) => features.includes(feature)).join(', ') || 'no optional feature'}; ` +
        `lacks ${shownFeatures.filter((feature) => !features.includes(feature)).join(', ') || 'none'}`,
      ...shownLimits.map((limit) => `    ${limit}: ${limits[limit]?.toLocaleString('en') ?? 'unknown'}`),
    ]),
    `  dtypes: ${dtypes.join(', ')}`,
  ];
}

const describe = (device: Device | MissingDevice): string =>
  device.available
    ? describeDevice(device).join('\n')
    : `${styleText('bold', device.backend)}: not here\n  ${device.reason.replaceAll('\n', '\n  ')}`;

await runCommand(async () => {
  const { json } = await readOptions();
  registerReferenceBackends();
  const devices = await listDevices();
  if (json) console.log(JSON.stringify(devices, null, 2));
  else {
    console.log(devices.map(describe).join('\n\n'));
    console.log('\nUse one with --backend NAME; --backend auto takes a GPU that is hardware, else wasm.');
  }
  return undefined;
});
