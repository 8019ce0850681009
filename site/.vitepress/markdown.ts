/** What the site makes of Markdown: the anchors of GitHub, links between files, diagrams, and the exports below a package's README. */
import { dirname, join, relative } from 'node:path';
import { addressOf } from './addresses.ts';
import { referencePages } from './sidebar.ts';

interface Token {
  readonly type: string;
  readonly info: string;
  readonly content: string;
  attrGet(name: string): string | null;
  attrSet(name: string, value: string): void;
}

/** What VitePress knows of the page that is rendered. */
interface Environment {
  /** On the site. */
  readonly relativePath?: string;
  /** The file. */
  readonly realPath?: string;
}

type Rule = (tokens: readonly Token[], index: number, options: unknown, env: Environment, self: unknown) => string;

/** The parts of markdown-it that are used here. */
interface Markdown {
  readonly core: {
    readonly ruler: {
      before(rule: string, name: string, change: (state: { src: string; env: Environment }) => void): void;
    };
  };
  readonly renderer: { readonly rules: Record<string, Rule | undefined> };
}

/** The anchor that GitHub makes of a heading, so that a link leads to the same place there and here. */
export const slugify = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\- _]/gu, '')
    .trim()
    .replaceAll(' ', '-');

/** The exports of a package, by page. */
function exportsOf(room: string): string {
  const pages = referencePages.filter((page) => page.room === room);
  const lists = pages.map(({ slug, title, names }) => {
    const address = `../../site/api/${room}/${slug}.md`;
    const links = [...names]
      .sort((a, b) => a.localeCompare(b, 'en'))
      .map((name) => `[\`${name}\`](${address}#${name})`);
    return `### [${title}](${address}) {#page-${slug}}\n\n<div class="names">\n\n${links.join(' ')}\n\n</div>`;
  });
  return `\n\n## Exports {#exports}\n\n${lists.join('\n\n')}\n`;
}

/** Files of the repository that are not on the site: their names stay, without a link. */
const isSourceFile = (href: string): boolean => /^(?![a-z]+:)[^#]+\.(?:ts|js|mjs|py|json|yaml|ipynb)$/.test(href);

/** A link to a Markdown file, as it is in the repository, to the page that the file is on the site. */
function linkOnSite(href: string, root: string, { realPath, relativePath }: Environment): string {
  const [, path, anchor = ''] = /^(?![a-z]+:|[/#])([^#]+\.md)(#.*)?$/.exec(href) ?? [];
  if (path === undefined || realPath === undefined || relativePath === undefined) return href;
  const target = addressOf(relative(root, join(dirname(realPath), path)));
  const link = relative(dirname(relativePath), target);
  return `${link.startsWith('.') ? link : `./${link}`}${anchor}`;
}

/** `root`: the folder of the repository. */
export function extendMarkdown(markdown: Markdown, root: string): void {
  markdown.core.ruler.before('normalize', 'exports', (state) => {
    const [, room] = /^api\/(\w+)\/index\.md$/.exec(state.env.relativePath ?? '') ?? [];
    if (room !== undefined) state.src += exportsOf(room);
  });
  const { fence, link_open: openLink } = markdown.renderer.rules;
  if (fence === undefined || openLink === undefined) throw new Error('markdown-it has no rules for fences and links');
  markdown.renderer.rules.fence = (tokens, index, ...rest) => {
    const token = tokens[index];
    if (token?.info.trim() === 'mermaid') return `<Diagram source="${encodeURIComponent(token.content)}" />`;
    return fence(tokens, index, ...rest);
  };
  markdown.renderer.rules.link_open = (tokens, index, options, env, self) => {
    const token = tokens[index];
    const href = decodeURI(token?.attrGet('href') ?? '');
    if (isSourceFile(href)) return '<span>';
    token?.attrSet('href', linkOnSite(href, root, env));
    return openLink(tokens, index, options, env, self);
  };
  markdown.renderer.rules.link_close = (tokens, index) => {
    const open = tokens.slice(0, index).findLast(({ type }) => type === 'link_open');
    return isSourceFile(decodeURI(open?.attrGet('href') ?? '')) ? '</span>' : '</a>';
  };
}
