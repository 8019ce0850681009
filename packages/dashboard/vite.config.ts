/** Vite's configuration of the page. */
import { fileURLToPath } from 'node:url';
import { defaultClientConditions, defineConfig } from 'vite';

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  // Relative addresses: the page may be behind a proxy that adds a prefix.
  base: './',
  // Use the packages' sources, as everywhere in this repository.
  resolve: { conditions: ['tessera-source', ...defaultClientConditions] },
  build: { target: 'es2022', outDir: 'dist/page', modulePreload: false, assetsInlineLimit: 0 },
});
