/** The site of the documentation: the Markdown files of the repository where they are, and the reference of the packages. */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitepress';
import { addressOf } from './addresses.ts';
import { linkNames } from './links.ts';
import { extendMarkdown, slugify } from './markdown.ts';
import { sidebar } from './sidebar.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const base = process.env.TESSERA_DOCS_BASE ?? '/';

export default defineConfig({
  title: 'Tessera',
  description: 'Trains vision and vision-language models from scratch in TypeScript.',
  lang: 'en',
  base,
  srcDir: root,
  outDir: fileURLToPath(new URL('../dist', import.meta.url)),
  cacheDir: fileURLToPath(new URL('../../node_modules/.cache/vitepress', import.meta.url)),
  srcExclude: [
    '.github/**',
    'runs/**',
    'data/**',
    'datasets/built/**',
    'shared/**',
    'packages/*/!(README.md)/**',
    'examples/*/!(README.md)/**',
  ],
  rewrites: addressOf,
  head: [['link', { rel: 'icon', type: 'image/svg+xml', href: `${base}icon.svg` }]],
  lastUpdated: false,
  markdown: {
    theme: { light: 'github-light', dark: 'github-dark' },
    anchor: { slugify },
    toc: { slugify },
    codeTransformers: [linkNames(base)],
    config: (markdown) => extendMarkdown(markdown as unknown as Parameters<typeof extendMarkdown>[0], root),
  },
  vite: {
    publicDir: fileURLToPath(new URL('../public', import.meta.url)),
    build: { chunkSizeWarningLimit: 4000 },
  },
  themeConfig: {
    nav: [
      { text: 'Guide', link: '/docs/first-project', activeMatch: '^/(docs|overview|datasets|contributing|changelog)' },
      { text: 'Reference', link: '/api/', activeMatch: '^/api/' },
    ],
    sidebar,
    outline: { level: [2, 3], label: 'On this page' },
    search: { provider: 'local', options: { detailedView: false } },
    docFooter: { prev: 'Previous', next: 'Next' },
    externalLinkIcon: false,
  },
});
