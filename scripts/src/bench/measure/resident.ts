/** The largest resident size of a process. */
import { readFileSync } from 'node:fs';

/** The largest resident size in bytes, from the text of Linux's /proc/PID/status; null if it is missing. */
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
  // getrusage is the second choice, because it includes the process before it started this program.
  return peak ?? process.resourceUsage().maxRSS * 1024;
}
