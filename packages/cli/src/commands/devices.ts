/** tessera devices: lists the backends of this machine. */
import { styleText } from 'node:util';
import { type Device, listDevices, type MissingDevice, registerReferenceBackends } from '@tessera/tensor';
import { commandLine } from '../lib/command.ts';

const readOptions = (args: readonly string[]) =>
  commandLine('devices', args)
    .usage(
      '$0 [options]\n\nLists the backends of this machine with their limits and features, and why others are not available.',
    )
    .options({ json: { type: 'boolean', default: false, describe: 'Print a single JSON document' } })
    .parseAsync();

/** Limits that determine how large a model can be and how fast its kernels are. */
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
      `  adapter${adapters.length > 1 ? ` ${k + 1}${k === 0 ? ' (used)' : ''}` : ''}: ${name}${software ? ' (software)' : ''}`,
      `    ${[vendor, architecture, device].filter((part) => part !== '').join(', ')}`,
      `    has ${shownFeatures.filter((feature) => features.includes(feature)).join(', ') || 'no optional features'}; ` +
        `lacks ${shownFeatures.filter((feature) => !features.includes(feature)).join(', ') || 'none'}`,
      ...shownLimits.map((limit) => `    ${limit}: ${limits[limit]?.toLocaleString('en') ?? 'unknown'}`),
    ]),
    `  dtypes: ${dtypes.join(', ')}`,
  ];
}

const describe = (device: Device | MissingDevice): string =>
  device.available
    ? describeDevice(device).join('\n')
    : `${styleText('bold', device.backend)}: not available\n  ${device.reason.replaceAll('\n', '\n  ')}`;

export async function main(args: readonly string[]): Promise<undefined> {
  const { json } = await readOptions(args);
  registerReferenceBackends();
  const devices = await listDevices();
  if (json) console.log(JSON.stringify(devices, null, 2));
  else {
    console.log(devices.map(describe).join('\n\n'));
    console.log(
      '\nChoose one with --backend NAME; --backend auto uses a hardware GPU if there is one, otherwise wasm.',
    );
  }
  return undefined;
}
