/** The order of the pages, by what a reader wants to do. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { DefaultTheme } from 'vitepress';
import { rooms } from '../src/rooms.ts';

type Item = DefaultTheme.SidebarItem;

const guide = (text: string, page: string): Item => ({ text, link: `/docs/${page}` });

const guides: Item[] = [
  {
    text: 'Start',
    items: [
      { text: 'Overview', link: '/overview' },
      guide('Your first project', 'first-project'),
      guide('Coming from PyTorch', 'from-pytorch'),
      guide('CLIP on your own data', 'reproduce-clip'),
    ],
  },
  {
    text: 'Train',
    items: [
      guide('Training', 'training'),
      guide('Sweeps', 'sweeps'),
      guide('Dashboard', 'dashboard'),
      guide('Performance', 'performance'),
    ],
  },
  {
    text: 'Data',
    items: [
      guide('What --data reads', 'data'),
      guide('Tools for datasets', 'data-tools'),
      { text: 'Datasets by name', link: '/datasets/' },
    ],
  },
  {
    text: 'Models',
    items: [
      guide('Models', 'models'),
      guide('Weights of other libraries', 'weights'),
      guide('Adding a layer', 'adding-a-layer'),
      guide('Comparing with PyTorch', 'reference-cases'),
    ],
  },
  {
    text: 'Look inside',
    items: [
      guide('Tensors and models', 'looking-at-models'),
      guide('Debugging and memory', 'debugging'),
      guide('Seeing inside a program', 'seeing-inside'),
    ],
  },
  {
    text: 'Use and deploy',
    items: [
      guide('Using a trained model', 'using'),
      guide('In the browser', 'browser'),
      guide('WebGPU', 'webgpu'),
      guide('gpu.js, custom operations', 'gpujs'),
      guide('Splitting a model', 'splitting'),
    ],
  },
  {
    text: 'Contribute',
    items: [
      { text: 'Contributing', link: '/contributing' },
      guide('Architecture', 'architecture'),
      guide('Common jobs', 'contributing'),
      { text: 'Decisions', link: '/docs/decisions/' },
      { text: 'Changes', link: '/changelog' },
    ],
  },
];

const repository = new URL('../..', import.meta.url);
const pathOf = (link: string): string => fileURLToPath(new URL(`.${link}.md`, repository));

/** Leaves out pages that are not there (yet); a page without a place in the list is an error: see `unlisted`. */
const present = (items: readonly Item[]): Item[] =>
  items.map((group) => ({
    ...group,
    items:
      group.items?.filter(
        ({ link }) => !link?.startsWith('/docs/') || link.endsWith('/') || existsSync(pathOf(link)),
      ) ?? [],
  }));

/** Pages of `docs/` that no list names. */
export function unlisted(pages: readonly string[]): string[] {
  const listed = new Set(guides.flatMap(({ items }) => items ?? []).map(({ link }) => `${link?.slice(1)}.md`));
  return pages.filter((page) => /^docs\/[^/]+\.md$/.test(page) && !listed.has(page));
}

interface ReferencePage {
  readonly room: string;
  readonly slug: string;
  readonly title: string;
  readonly names: readonly string[];
}

export const referencePages: readonly ReferencePage[] = JSON.parse(
  readFileSync(new URL('../api/index.json', import.meta.url), 'utf8'),
);

const reference: Item[] = rooms.map((room) => ({
  text: room,
  link: `/api/${room}/`,
  collapsed: true,
  items: referencePages
    .filter((page) => page.room === room)
    .map(({ title, slug }) => ({ text: slug === 'main' ? 'Main exports' : title, link: `/api/${room}/${slug}` })),
}));

export const sidebar: DefaultTheme.Sidebar = {
  '/api/': [{ text: 'Packages', link: '/api/', items: reference }],
  '/': present(guides),
};
