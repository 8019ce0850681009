import { readFileSync } from 'node:fs';

/** The largest resident size so far, from the text of Linux's /proc/PID/status, in bytes; null where it has none. */
export function parsePeakResident(status: string): number | null {
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  return kibibytes === undefined ? null : Number(kibibytes) * 1024;
}

/** The largest resident size of this process so far, in bytes. */
export function peakResident(): number {
  let peak: number | null = null;
  try {
    peak = parsePeakResident(readFileSync('/proc/self/status', 'utf8'));
  } catch {
    // Not Linux.
  }
  // getrusage counts what the process was before it started this program too: the second choice.
  return peak ?? process.resourceUsage().maxRSS * 1024;
}
