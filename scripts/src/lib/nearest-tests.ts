/** Affected tests, those nearest to a change first, until a time budget is spent: for `npm run check`. */
import { execFileSync } from 'node:child_process';
import { relative, sep } from 'node:path';
import {
  createVitest,
  type TestModule,
  type TestSequencer,
  type TestSpecification,
  TestsNotFoundError,
  type Vitest,
} from 'vitest/node';

/** The branches that a change may be compared with, the likeliest first. */
const mainBranches = ['origin/HEAD', 'origin/main', 'main'];

/** Standard output of a git command; null if it fails. */
function git(root: string, ...args: readonly string[]): string | null {
  try {
    return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return null;
  }
}

/** The commit at which the current branch left the main branch; HEAD if there is no main branch. */
export function mergeBase(root: string): string {
  for (const branch of mainBranches) {
    const base = git(root, 'merge-base', 'HEAD', branch);
    if (base !== null) return base;
  }
  return 'HEAD';
}

/** How many folders must be left and entered to get from one file to another: 0 for two files of one folder. */
export const folderDistance = (from: string, to: string): number => relative(from, to).split(sep).length - 2;

/** Tests in the folder of a changed file first, then those in neighboring folders, and so on. */
class NearestFirst implements TestSequencer {
  readonly #vitest: Vitest;

  constructor(vitest: Vitest) {
    this.#vitest = vitest;
  }

  shard(specifications: TestSpecification[]): TestSpecification[] {
    return specifications;
  }

  sort(specifications: TestSpecification[]): TestSpecification[] {
    const changed = this.#vitest.config.related ?? [];
    const distance = ({ moduleId }: TestSpecification): number =>
      Math.min(...changed.map((file) => folderDistance(file, moduleId)));
    return specifications.toSorted((a, b) => distance(a) - distance(b) || a.moduleId.localeCompare(b.moduleId));
  }
}

export interface AffectedTests {
  /** Files that were run to their end. */
  readonly finished: number;
  /** Files that were not run, or not to their end, because the time was over. */
  readonly left: number;
  readonly passed: boolean;
}

const hasEnded = (module: TestModule): boolean => module.state() === 'passed' || module.state() === 'failed';

/**
 * Runs the tests that import what has changed since `base`, uncommitted and untracked files included, nearest first. When `seconds` have
 * passed, no further test is started.
 */
export async function runNearestTests(root: string, base: string, seconds: number): Promise<AffectedTests> {
  const vitest = await createVitest({
    root,
    watch: false,
    changed: base,
    // By default a change to package.json affects every test.
    forceRerunTriggers: [],
    sequence: { sequencer: NearestFirst },
  });
  let finished: number | null = null;
  const timer = setTimeout(() => {
    finished = vitest.state.getTestModules().filter(hasEnded).length;
    void vitest.cancelCurrentRun('keyboard-input');
  }, seconds * 1000);
  try {
    const { testModules, unhandledErrors } = await vitest.start();
    finished ??= testModules.length;
    const passed = unhandledErrors.length === 0 && testModules.every((module) => module.state() !== 'failed');
    return { finished, left: testModules.length - finished, passed };
  } catch (error) {
    if (error instanceof TestsNotFoundError) return { finished: 0, left: 0, passed: true };
    throw error;
  } finally {
    clearTimeout(timer);
    await vitest.close();
  }
}
