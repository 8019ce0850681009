import { setDefaultBackend } from '@tessera/tensor';
import { findCases, readCase } from './case.ts';
import type { CaseReport, FailedCase } from './report.ts';
import { openSession } from './session.ts';
import { runSingle } from './single.ts';
import { runTrajectory } from './trajectory.ts';

export interface RunOptions {
  /** The name of the backend to run on; default: the default one. */
  readonly backend?: string;
  /** Called after each case. */
  readonly onCase?: (report: CaseReport | FailedCase) => void;
}

/**
 * Runs every reference case below the directories. A case that throws is reported as failed, with the message; the others run on.
 *
 * @throws Error where a directory does not exist or holds no case
 */
export async function runReferenceCases(
  directories: readonly string[],
  { backend, onCase }: RunOptions = {},
): Promise<(CaseReport | FailedCase)[]> {
  const found = await findCases(directories);
  if (backend !== undefined) setDefaultBackend(backend);
  const reports: (CaseReport | FailedCase)[] = [];
  for (const { name, directory } of found) {
    const report = await runReferenceCase(directory, name).catch(
      (cause): FailedCase => ({ name, error: (cause as Error).message, holds: false }),
    );
    reports.push(report);
    onCase?.(report);
  }
  return reports;
}

/** Runs the case in one folder on the default backend. */
export async function runReferenceCase(directory: string, name?: string): Promise<CaseReport> {
  const reference = await readCase(directory, name);
  const session = openSession(reference);
  return reference.trajectory === null ? runSingle(session) : runTrajectory(session, reference.trajectory);
}
