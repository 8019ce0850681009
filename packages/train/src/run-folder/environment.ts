/** Facts about the machine and the software of a run. */
import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os';
import { getBackend } from '@tessera/tensor';
import sharp from 'sharp';

/** Backend, versions and machine: label to value, for environment.json and the report. */
export function describeEnvironment(
  extra: Readonly<Record<string, string | number>> = {},
): Record<string, string | number> {
  return {
    Started: new Date().toISOString(),
    Backend: getBackend().name,
    Node: process.version,
    V8: process.versions.v8,
    System: `${platform()} ${arch()}, ${release()}`,
    Processor: cpus()[0]?.model.trim() ?? 'unknown',
    Cores: availableParallelism(),
    'Memory (GiB)': Math.round(totalmem() / 2 ** 30),
    sharp: sharp.versions.sharp ?? 'unknown',
    libvips: sharp.versions.vips,
    ...extra,
  };
}
