/** Names in code blocks of the reference link to what they name. */
import type { MarkdownOptions } from 'vitepress';
import { referencePages } from './sidebar.ts';

/** The addresses of exports by name: several packages may have one of the same name. */
const addresses = new Map<string, Map<string, string>>();
for (const { room, slug, names } of referencePages)
  for (const name of names) {
    const byRoom = addresses.get(name) ?? new Map<string, string>();
    addresses.set(name, byRoom.set(room, `api/${room}/${slug}.html#${name}`));
  }

/** The address of a name as it is meant in a package: its own, or else that of the first package which has it. */
function addressOf(name: string, room: string): string | undefined {
  const byRoom = addresses.get(name);
  return byRoom?.get(room) ?? byRoom?.values().next().value;
}

/** Only names of types and classes: those of functions are also names of methods. */
const typeName = /^(\s*)([A-Z]\w+)(\s*)$/;

type ShikiTransformer = NonNullable<MarkdownOptions['codeTransformers']>[number];

export const linkNames = (base: string): ShikiTransformer => ({
  name: 'link-names',
  span(node) {
    const [, room] = /\bin=(\w+)/.exec(this.options.meta?.__raw ?? '') ?? [];
    const [child] = node.children;
    if (room === undefined || child?.type !== 'text') return;
    const [, before = '', name = '', after = ''] = typeName.exec(child.value) ?? [];
    const address = name === '' ? undefined : addressOf(name, room);
    if (address === undefined) return;
    node.children = [
      { type: 'text', value: before },
      {
        type: 'element',
        tagName: 'a',
        properties: { href: `${base}${address}` },
        children: [{ type: 'text', value: name }],
      },
      { type: 'text', value: after },
    ];
  },
});
