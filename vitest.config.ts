import { defineConfig } from 'vitest/config';

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
    execArgv: ['--conditions=tessera-source'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
