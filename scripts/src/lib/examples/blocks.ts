/** The fenced blocks of a Markdown page, with what the comments before them say about running them. */

/** A fenced block. Lines count from 1. */
export interface Block {
  /** The page, relative to the repository. */
  readonly page: string;
  /** The line of the page that contains the first line of `code`. */
  readonly line: number;
  /** The word after the fence; empty if there is none. */
  readonly language: string;
  readonly code: string;
  /** Code that the page does not show, and that runs before the block: `<!-- before: CODE -->`. */
  readonly before: string;
  /** Why the block is only type-checked; null if it also runs: `<!-- not run: REASON -->`. */
  readonly notRun: string | null;
  /** The folder of the repository whose file the block is, if it imports its neighbors: `<!-- in: FOLDER -->`. */
  readonly folder: string | null;
}

/** A comment, or a fenced block; whichever begins first. A fence inside of a list is indented. */
const pieces =
  /^[ \t]*<!--(?<comment>[\s\S]*?)-->[ \t]*$|^(?<indent>[ ]*)```(?<language>[\w-]*)[^\n]*\n(?<body>[\s\S]*?)^\k<indent>```[ \t]*$/gm;

const kinds = ['before', 'not run', 'in'] as const;
type Kind = (typeof kinds)[number];

/** What a comment says about the next block; null for any other comment. */
function remarkOf(comment: string): readonly [Kind, string] | null {
  const kind = kinds.find((name) => comment.trimStart().startsWith(`${name}:`));
  if (kind === undefined) return null;
  const text = comment.trim().slice(kind.length + 1);
  return [kind, kind === 'before' ? text.replace(/^\n/, '') : text.trim()];
}

/** All fenced blocks of a page, in order. A remark that no block follows, or that is empty, is an error. */
export function blocksOf(page: string, markdown: string): Block[] {
  const blocks: Block[] = [];
  let remarks = new Map<Kind, string>();
  let end = 0;
  const lineAt = (offset: number): number => markdown.slice(0, offset).split('\n').length;
  const lost = (): void => {
    const [kind] = remarks.keys();
    if (kind !== undefined) throw new Error(`${page}:${lineAt(end)}: no block follows the comment "${kind}"`);
  };
  for (const match of markdown.matchAll(pieces)) {
    const { comment, indent = '', language = '', body = '' } = match.groups ?? {};
    if (markdown.slice(end, match.index).trim() !== '') lost();
    end = match.index + match[0].length;
    if (comment !== undefined) {
      const remark = remarkOf(comment);
      if (remark === null) continue;
      if (remark[1] === '') throw new Error(`${page}:${lineAt(match.index)}: the comment "${remark[0]}" is empty`);
      remarks.set(...remark);
      continue;
    }
    blocks.push({
      page,
      line: lineAt(match.index) + 1,
      language,
      code: indent === '' ? body : body.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
      before: remarks.get('before') ?? '',
      notRun: remarks.get('not run') ?? null,
      folder: remarks.get('in') ?? null,
    });
    remarks = new Map();
  }
  lost();
  return blocks;
}
