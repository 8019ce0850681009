/** Runs reference cases. */
import { getBackend, setDefaultBackend } from '@tessera/tensor';
import { findCases, type ReferenceCase, readCase } from './case.ts';
import { explain } from './explain.ts';
import type { CaseReport, FailedCase, OmittedCase } from './report.ts';
import { openSession } from './session.ts';
import { runSingle } from './single.ts';
import { runTrajectory } from './trajectory.ts';

export interface RunOptions {
  /** The name of the backend to run on. Default: the default backend. */
  readonly backend?: string;
  /** Called after each case. */
  readonly onCase?: (report: CaseReport | FailedCase | OmittedCase) => void;
}

/**
 * Runs every reference case below the directories. A case that throws an error is reported as failed, with the message, and one in a
 * dtype that the backend does not support as omitted; the other cases still run.
 *
 * @throws Error if a directory does not exist or has no case below it
 */
export async function runReferenceCases(
  directories: readonly string[],
  { backend, onCase }: RunOptions = {},
): Promise<(CaseReport | FailedCase | OmittedCase)[]> {
  const found = await findCases(directories);
  if (backend !== undefined) setDefaultBackend(backend);
  const reports: (CaseReport | FailedCase | OmittedCase)[] = [];
  for (const { name, directory } of found) {
    const report = await runOrOmit(directory, name).catch(
      (cause): FailedCase => ({ name, error: (cause as Error).message, holds: false }),
    );
    reports.push(report);
    onCase?.(report);
  }
  return reports;
}

async function runOrOmit(directory: string, name: string): Promise<CaseReport | OmittedCase> {
  const reference = await readCase(directory, name);
  const omitted = getBackend().whyUnsupported?.(reference.dtype) ?? null;
  return omitted === null ? runCase(reference) : { name, omitted, holds: null };
}

/** Runs the case in one folder on the default backend. */
export const runReferenceCase = async (directory: string, name?: string): Promise<CaseReport> =>
  runCase(await readCase(directory, name));

async function runCase(reference: ReferenceCase): Promise<CaseReport> {
  const session = openSession(reference);
  if (reference.trajectory !== null) return runTrajectory(session, reference.trajectory);
  const report = await runSingle(session);
  return report.holds || reference.dtype !== 'f32' ? report : { ...report, explanation: await explain(reference) };
}
