/** What must be equal on all ranks, so that the same program computes the same bits. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { arch, cpus, endianness, hostname, platform } from 'node:os';

/** What a rank says of itself at the start. */
export interface Fingerprint {
  /** For people: which machine and process the rank is. It may differ. */
  readonly place: string;
  readonly node: string;
  readonly v8: string;
  /** The kind of machine, such as "linux x64, little-endian". */
  readonly machine: string;
  /** Features of the CPU that V8 uses: whether a multiplication and an addition are fused depends on them. */
  readonly cpu: string;
  /** A hash of the program that the rank runs. */
  readonly plan: string;
}

/** The features that V8's code generators look for, by their names in Linux. */
const features = new Set(
  (
    'pni ssse3 sse4_1 sse4_2 avx avx2 avx_vnni fma f16c bmi1 bmi2 lahf_lm abm popcnt ' +
    'asimd fphp asimdhp asimddp atomics jscvt sha3 crc32'
  ).split(' '),
);

function cpuFeatures(): string {
  try {
    const line = /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1];
    if (line !== undefined)
      return line
        .trim()
        .split(/\s+/)
        .filter((flag) => features.has(flag))
        .sort()
        .join(' ');
  } catch {
    // Other systems have no such file.
  }
  return cpus()[0]?.model ?? 'unknown';
}

/** What this process says of itself. `plan` is text that describes the program and its settings. */
export const fingerprint = (plan: string): Fingerprint => ({
  place: `${hostname()}, process ${process.pid}`,
  node: process.versions.node,
  v8: process.versions.v8,
  machine: `${platform()} ${arch()}, ${endianness() === 'LE' ? 'little' : 'big'}-endian`,
  cpu: cpuFeatures(),
  plan: createHash('sha256').update(plan).digest('hex').slice(0, 16),
});
