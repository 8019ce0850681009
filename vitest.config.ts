import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { testEnvironment } from './scripts/src/lib/software-adapter.ts';

// Workers inherit it: where libraries are searched is decided when a process starts.
Object.assign(process.env, testEnvironment());

export default defineConfig({
  resolve: { conditions: ['tessera-source'] },
  ssr: { resolve: { conditions: ['tessera-source'], externalConditions: ['tessera-source'] } },
  test: {
    include: [
      'packages/*/src/**/*.test.ts',
      'datasets/**/*.test.ts',
      'scripts/**/*.test.ts',
      'examples/*/src/**/*.test.ts',
    ],
    pool: 'forks',
    // Vitest's default, one less than there are cores, would leave one of two cores idle.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    execArgv: ['--conditions=tessera-source'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
