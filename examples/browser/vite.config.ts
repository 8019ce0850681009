/** Vite's configuration of the page. */
import { fileURLToPath } from 'node:url';
import { defaultClientConditions, defineConfig } from 'vite';

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  // Use the packages' sources, as everywhere in this repository.
  resolve: { conditions: ['tessera-source', ...defaultClientConditions] },
  build: { target: 'es2022', chunkSizeWarningLimit: 1000 },
  worker: { format: 'es' },
});
