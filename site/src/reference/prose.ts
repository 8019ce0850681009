/** Docstrings as Markdown. They are plain text with `code`, lists and indented examples; all else is shown as it is written. */

const escapes: Readonly<Record<string, string>> = {
  '<': '&lt;',
  '[': '\\[',
  ']': '\\]',
  '*': '\\*',
  _: '\\_',
  '|': '\\|',
};

/** A line with its special characters escaped, except inside of `code`. */
const escapeLine = (line: string): string =>
  line
    .split(/(`[^`]*`)/)
    .map((piece) =>
      piece.startsWith('`')
        ? piece.replaceAll('{{', '{<!-- -->{')
        : piece.replaceAll(/[<[\]*_|]/g, (character) => escapes[character] ?? character).replaceAll('{{', '&#123;{'),
    )
    .join('');

/** Lines of an indented example keep their characters. An example begins after an empty line. */
function escapeText(text: string): string {
  let example = false;
  let empty = true;
  return text
    .split('\n')
    .map((line) => {
      if (line.trim() === '') {
        empty = true;
        return '';
      }
      example = /^ {4}/.test(line) && (example || empty);
      empty = false;
      return example ? line : escapeLine(line);
    })
    .join('\n');
}

const headings: Readonly<Record<string, string>> = {
  returns: 'Returns',
  throws: 'Throws',
  example: 'Example',
  see: 'See',
};

/** A tag of a docstring: `@param input [N, C]` becomes a list item. */
function tagText(tag: string): string {
  const [, kind = '', rest = ''] = /^@(\w+)\s*([\s\S]*)$/.exec(tag) ?? [];
  const text = escapeText(rest.trim()).replaceAll('\n', '\n  ');
  if (kind !== 'param') return `- ${headings[kind] ?? kind}: ${text}`;
  const [, name = '', about = ''] = /^(\S+)\s*([\s\S]*)$/.exec(text) ?? [];
  return `- \`${name.replaceAll('\\', '')}\`: ${about}`;
}

/** A docstring as Markdown. */
export function proseOf(docstring: string): string {
  const [text = '', ...tags] = docstring.split(/^(?=@\w+)/m);
  const list = (docstring.startsWith('@') ? [text, ...tags] : tags).map(tagText).join('\n');
  return [docstring.startsWith('@') ? '' : escapeText(text.trim()), list].filter((part) => part !== '').join('\n\n');
}
