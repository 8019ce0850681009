import { fileURLToPath } from 'node:url';
import { defaultClientConditions, defineConfig } from 'vite';

/** Pages share memory between threads only where both are sent: then `crossOriginIsolated` is true. */
export const isolationHeaders = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

const page = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  // The packages' sources, as everywhere in this repository.
  resolve: { conditions: ['tessera-source', ...defaultClientConditions] },
  build: {
    target: 'es2022',
    rolldownOptions: { input: { index: page('index.html'), tests: page('tests.html') } },
  },
  worker: { format: 'es' },
  server: { headers: isolationHeaders },
  preview: { headers: isolationHeaders },
});
