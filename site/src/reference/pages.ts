/** The pages of the reference: one for each folder of a package, with a section for each of its files. */
import ts from 'typescript';
import { docstringOfExport, partsOf } from './declarations.ts';
import type { Exported, Reference } from './exports.ts';
import { proseOf } from './prose.ts';

export interface Page {
  /** The package, such as `tensor`. */
  readonly room: string;
  /** Name of the file, without its ending. */
  readonly slug: string;
  readonly title: string;
  readonly names: readonly string[];
  readonly markdown: string;
}

/** Folders with fewer exports share the page `main` with the files that are in no folder. */
const smallest = 8;

/** An export that is longer, in characters, gets a page of its own, which is named after it. */
const longest = 12_000;

interface Entry {
  readonly exported: Exported;
  readonly markdown: string;
}

function entryOf(exported: Exported, reference: Reference): Entry {
  const { name, room, specifiers } = exported;
  const parts = partsOf(exported, reference);
  const code = parts.map(({ code, about }) => {
    const block = `\`\`\`ts in=${room}\n${code}\n\`\`\``;
    return about === null ? block : `${proseOf(about)}\n\n${block}`;
  });
  // What a package exports itself needs no word.
  const from = specifiers.includes(`@tessera/${room}`)
    ? ''
    : `<p class="from">from ${specifiers.map((specifier) => `<code>${specifier}</code>`).join(' or ')}</p>`;
  const [first = '', ...rest] = code;
  return {
    exported,
    markdown: [`### ${name} {#${name}}`, from, first, proseOf(docstringOfExport(exported)), ...rest]
      .filter((text) => text !== '')
      .join('\n\n'),
  };
}

/** What the first comment of a file says that it is for. */
function purposeOf(file: ts.SourceFile): string {
  const [comment] = ts.getLeadingCommentRanges(file.text, 0) ?? [];
  const text = comment === undefined ? '' : file.text.slice(comment.pos, comment.end);
  return text
    .replace(/^\/\*\*?/, '')
    .replace(/\*\/$/, '')
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, ''))
    .join('\n')
    .trim();
}

const capitalized = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** Names that are not only written with a capital letter. */
const acronyms: ReadonlyMap<string, string> = new Map(
  [
    'CLIP',
    'GELU',
    'GLU',
    'I/O',
    'LAMB',
    'LARS',
    'LoRA',
    'MLP',
    'NAdam',
    'NaViT',
    'PReLU',
    'RAdam',
    'ResNet',
    'SGD',
    'SwiGLU',
    'ViT',
    'VQ',
  ].map((name) => [name.toLowerCase().replace('/', ''), name]),
);

/** A name of a file or folder as a title: `image-towers` becomes `Image towers`. */
function titleOf(path: string): string {
  const name = path.split('/').at(-1) ?? '';
  return acronyms.get(name) ?? capitalized(name.replaceAll('-', ' '));
}

function markdownOf(title: string, room: string, entries: readonly Entry[]): string {
  const files = Map.groupBy(entries, ({ exported }) => exported.file);
  const sections = [...files].map(([file, group]) => {
    const source = group[0]?.exported.declarations[0]?.getSourceFile();
    const heading = `## ${titleOf(file)} {#file-${file.replaceAll('/', '-')}}`;
    return [
      heading,
      source === undefined ? '' : proseOf(purposeOf(source)),
      ...group.map(({ markdown }) => markdown),
    ].join('\n\n');
  });
  const lead = `---\noutline: [2, 3]\neditLink: false\n---\n\n# ${title} {#page}\n\nPart of [@tessera/${room}](./index.md).`;
  return `${[lead, ...sections].join('\n\n')}\n`;
}

/** Arranges the exports in pages, in the order of the packages. */
export function pagesOf(reference: Reference): Page[] {
  const rooms = Map.groupBy(reference.exports, ({ room }) => room);
  return [...rooms].flatMap(([room, exports]) => {
    const entries = exports.map((exported) => entryOf(exported, reference));
    const alone = entries.filter(({ markdown }) => markdown.length > longest);
    const others = entries.filter((entry) => !alone.includes(entry));
    const folderOf = ({ exported: { file } }: Entry): string =>
      file.includes('/') ? (file.split('/')[0] ?? '') : 'main';
    const folders = Map.groupBy(others, folderOf);
    const grouped = Map.groupBy(others, (entry) => {
      const folder = folderOf(entry);
      return (folders.get(folder)?.length ?? 0) < smallest ? 'main' : folder;
    });
    const page = (slug: string, title: string, group: readonly Entry[]): Page => ({
      room,
      slug,
      title,
      names: group.map(({ exported }) => exported.name),
      markdown: markdownOf(title, room, group),
    });
    return [
      ...[...grouped]
        .sort(([a], [b]) => Number(b === 'main') - Number(a === 'main'))
        .map(([slug, group]) => page(slug, slug === 'main' ? `Main exports of ${room}` : `${titleOf(slug)}`, group)),
      ...alone.map((entry) => page(entry.exported.name, entry.exported.name, [entry])),
    ];
  });
}
