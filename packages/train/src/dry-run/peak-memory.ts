/** The most memory that this process has had, with all its threads, since a moment. */
import { writeFileSync } from 'node:fs';

/** The most bytes that the process has had in memory since the last `restartPeak`. */
export const peakBytes = (): number => process.resourceUsage().maxRSS * 1024;

/** Lets `peakBytes` count from now on. Returns whether the system can: only Linux does; elsewhere it counts from the start of the process. */
export function restartPeak(): boolean {
  try {
    // 5 resets the "high water mark" of the resident memory: proc_pid_clear_refs(5).
    writeFileSync('/proc/self/clear_refs', '5');
    return true;
  } catch {
    return false;
  }
}
