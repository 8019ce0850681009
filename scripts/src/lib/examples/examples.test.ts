/** Examples of the documentation: how blocks and the comments before them are read, and what counts as not reached. */
import { describe, expect, it } from 'vitest';
import { blocksOf } from './blocks.ts';
import { usesIn } from './commands.ts';
import { placeOf, programOf } from './program.ts';
import { placesToReach, unreached } from './reached.ts';

const page = `# Title

<!-- before:
const x = 1;
-->
<!-- not run: it needs a GPU -->

\`\`\`ts
use(x);
\`\`\`

- in a list:

  \`\`\`ts
  if (a) {
    b();
  }
  \`\`\`

<!-- in: packages/nn/src -->
\`\`\`ts
import { Linear } from './layers/linear.ts';
\`\`\`

<!-- any other comment -->
\`\`\`
npm test
\`\`\`
`;

describe('blocksOf', () => {
  it('finds blocks with their lines and what comments say', () => {
    const [first, second, third, fourth] = blocksOf('a.md', page);
    expect(first).toMatchObject({ language: 'ts', line: 9, code: 'use(x);\n', notRun: 'it needs a GPU' });
    expect(first?.before).toBe('const x = 1;');
    expect(second).toMatchObject({ line: 15, code: 'if (a) {\n  b();\n}\n', before: '', notRun: null });
    expect(third).toMatchObject({ folder: 'packages/nn/src', notRun: null });
    expect(fourth).toMatchObject({ language: '', code: 'npm test\n', folder: null });
  });

  it('refuses a remark without a block or without a text', () => {
    expect(() => blocksOf('a.md', '<!-- not run: slow -->\n\ntext\n\n```ts\n```\n')).toThrow(
      'a.md:1: no block follows the comment "not run"',
    );
    expect(() => blocksOf('a.md', '<!-- not run: -->\n```ts\n```\n')).toThrow('a.md:1: the comment "not run" is empty');
  });
});

describe('programOf', () => {
  const [first, , third] = blocksOf('docs/a.md', page);
  it('puts the hidden code first, and finds lines again', () => {
    const program = programOf('/repo', first as never);
    expect(program).toMatchObject({ file: 'docs-a-9.ts', source: 'const x = 1;\nuse(x);\nexport {};\n' });
    expect([1, 2, 3].map((line) => placeOf(program, line))).toEqual(['docs/a.md:9', 'docs/a.md:9', 'docs/a.md:10']);
  });
  it('resolves the imports of neighbors', () => {
    expect(programOf('/repo', third as never).source).toContain("from '/repo/packages/nn/src/layers/linear.ts'");
  });
});

describe('usesIn', () => {
  it('finds commands, those of commands, and options outside of quotes and comments', () => {
    const code = 'npm run train -- --data x --set "a --b" # --no\nnpm run data -- inspect x --out=y\n';
    const [block] = blocksOf('a.md', `\`\`\`\n${code}\`\`\`\n`);
    expect(usesIn(block as never)).toEqual([
      { place: 'a.md:2', names: ['train'], options: ['--data', '--set'] },
      { place: 'a.md:3', names: ['data', 'inspect'], options: ['--out=y'] },
    ]);
  });
});

describe('unreached', () => {
  const source =
    "const step = compile((x) => x.sum());\nfor (const a of []) {\n  console.log(a);\n}\nconsole.log('end');\n";
  const places = placesToReach(source);
  it('finds prints, bodies of loops and compiled functions', () => {
    expect(places.map(({ line, what }) => `${line}: ${what}`)).toEqual([
      '1: a compiled function',
      '2: the body of a loop',
      '3: console.log',
      '5: console.log',
    ]);
  });
  it('believes the smallest range around a place', () => {
    const whole = { startOffset: 0, endOffset: source.length, count: 1 };
    const compiled = { startOffset: 21, endOffset: 35, count: 0 };
    const body = { startOffset: source.indexOf('{'), endOffset: source.indexOf('}') + 1, count: 0 };
    expect(unreached(places, [whole, compiled, body]).map(({ line }) => line)).toEqual([1, 2, 3]);
    expect(unreached(places, [whole])).toEqual([]);
    expect(unreached(places, [])).toHaveLength(4);
  });
});
