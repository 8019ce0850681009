/** The order of the pages, by what a reader wants to do. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
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
      guide('Several processes', 'distributed'),
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
      guide('Serving a model', 'serving'),
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

/** Pages of `docs/` that the list above does not name, with the first words of their headings. */
function others(): Item[] {
  const listed = new Set(guides.flatMap(({ items }) => items ?? []).map(({ link }) => `${link}.md`));
  return readdirSync(new URL('docs/', repository))
    .filter((file) => file.endsWith('.md') && !listed.has(`/docs/${file}`))
    .map((file) => {
      const [, title = file] = /^# (.*)$/m.exec(readFileSync(new URL(`docs/${file}`, repository), 'utf8')) ?? [];
      return guide(title.replaceAll('`', ''), file.replace(/\.md$/, ''));
    });
}

const isThere = ({ link = '' }: Item): boolean =>
  !link.startsWith('/docs/') || link.endsWith('/') || existsSync(new URL(`.${link}.md`, repository));

/** The groups, with those pages that are there, and the pages without a place in a group of their own. */
function arranged(): Item[] {
  const groups = guides.map((group) => ({ ...group, items: group.items?.filter(isThere) ?? [] }));
  const more = others();
  return more.length === 0 ? groups : [...groups, { text: 'More', items: more }];
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
  '/': arranged(),
};
