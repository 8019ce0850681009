/** What notebooks show of tensors, and the tables that they share. */
import { afterEach, describe, expect, it, test } from 'vitest';
import '../backends/wasm/index.ts';
import { compile } from '../compile.ts';
import { display, html, tableHtml } from '../display.ts';
import { arange, randn, tensor, zeros } from '../functions.ts';
import { realizedStorage } from '../graph/storage.ts';
import { type Backend, getBackend } from '../kernel/backend.ts';
import type { Tensor } from '../tensor.ts';
import { setPrintOptions } from './print-options.ts';

afterEach(() => setPrintOptions());

/** The rows of each table in a text of HTML, as text. */
const tablesIn = (text: string | undefined): string[][][] =>
  [...(text ?? '').matchAll(/<table.*?<\/table>/gs)].map(([table]) =>
    [...table.matchAll(/<tr>(.*?)<\/tr>/gs)].map(([, row = '']) =>
      [...row.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/gs)].map(([, cell = '']) => cell),
    ),
  );

const shown = async (value: Tensor) => {
  const bundle = await value[display]();
  return { text: bundle['text/plain'], html: bundle['text/html'], tables: tablesIn(bundle['text/html']) };
};

test("the method is found under the kernel's global symbol", () => {
  expect(display).toBe(Symbol.for('Jupyter.display'));
  expect(Symbol.for('Jupyter.display') in tensor([1])).toBe(true);
});

describe('a tensor', () => {
  it('has the values as a table, and the printed text', async () => {
    const x = tensor([
      [1, -2.5],
      [3, 4],
    ]);
    const { text, tables } = await shown(x);
    expect(text).toBe(String(x));
    expect(tables).toEqual([
      [
        ['', '0', '1'],
        ['0', '1.0000', '-2.5000'],
        ['1', '3.0000', '4.0000'],
      ],
    ]);
  });

  it('of one axis is a row, of none a number, without elements only its title', async () => {
    expect((await shown(arange(3))).tables).toEqual([
      [
        ['0', '1', '2'],
        ['0', '1', '2'],
      ],
    ]);
    const scalar = await shown(tensor(Math.PI));
    expect(scalar.html).toContain('3.1416');
    expect(scalar.tables).toEqual([]);
    const empty = await shown(zeros([0, 3]));
    expect(empty.html).toBe('<code>Tensor f32 [0, 3]</code>');
    expect(empty.text).toBe(String(zeros([0, 3])));
  });

  it('of more axes is a table for each place of the first ones', async () => {
    const { html: text, tables } = await shown(arange(12).reshape(2, 1, 2, 3));
    expect(tables.map((rows) => rows[2])).toEqual([
      ['1', '3', '4', '5'],
      ['1', '9', '10', '11'],
    ]);
    expect(text).toContain('[1, 0]</caption>');
  });

  it('leaves out as much as the printed text does', async () => {
    const x = arange(4000).reshape(40, 2, 50);
    const { text, html: whole, tables } = await shown(x);
    expect(text).toBe(await x.describe());
    expect(tables).toHaveLength(6);
    expect(tables[5]).toEqual([
      ['', '0', '1', '2', '…', '47', '48', '49'],
      ['0', '3900', '3901', '3902', '…', '3947', '3948', '3949'],
      ['1', '3950', '3951', '3952', '…', '3997', '3998', '3999'],
    ]);
    expect(whole).toContain('[39]</caption>');
    setPrintOptions({ threshold: 3, edgeItems: 1 });
    expect((await shown(arange(16).reshape(4, 4))).tables).toEqual([
      [
        ['', '0', '…', '3'],
        ['0', '0', '…', '3'],
        ['…', '⋮', '⋮', '⋮'],
        ['3', '12', '…', '15'],
      ],
    ]);
  });

  it('is computed if that is necessary, but not kept', async () => {
    const x = randn([300, 300]).matmul(randn([300, 300]));
    const { text, tables } = await shown(x);
    expect(text).toBe(await x.describe());
    expect(tables).toHaveLength(1);
    expect(realizedStorage(x.node)).toBeUndefined();
  });

  it('on a backend that cannot be read at once is read too', async () => {
    const backend = getBackend() as { readSync?: Backend['readSync'] };
    const original = backend.readSync;
    try {
      backend.readSync = undefined;
      const { text, tables } = await shown(tensor([1, 2]).add(1));
      expect(tables[0]?.[1]).toEqual(['2.', '3.']);
      expect(text).toBe('Tensor f32 [2]: [2., 3.]');
    } finally {
      backend.readSync = original;
    }
  });

  it('escapes its name', async () => {
    const x = tensor([1]);
    x.name = '<img src=x onerror="alert(1)">&';
    const { text, html: whole } = await shown(x);
    expect(whole).toContain('&lt;img src=x onerror=&quot;alert(1)&quot;&gt;&amp;');
    expect(whole).not.toContain('<img');
    expect(text).toBe(String(x));
  });

  it('without values says why, and never fails', async () => {
    let seen: ReturnType<typeof shown> | undefined;
    const step = compile((x: Tensor) => {
      const y = x.add(1);
      seen = shown(y);
      return y;
    });
    expect(await (await step(tensor([1]))).toArray()).toEqual([2]);
    expect(await seen).toMatchObject({
      text: 'Tensor f32 [1] (not computed yet: a compiled function is being recorded)',
      html: undefined,
    });
  });
});

test('a table escapes its text, aligns columns, and indents rows', () => {
  const { text } = tableHtml({
    head: ['<a>', 'n'],
    rows: [{ cells: ['x & y', '1'] }, { depth: 2, cells: ['"z"', '2'] }],
    foot: ['total', '3'],
    textColumns: 1,
  });
  expect(tablesIn(text)).toEqual([
    [
      ['&lt;a&gt;', 'n'],
      ['x &amp; y', '1'],
      ['&quot;z&quot;', '2'],
      ['total', '3'],
    ],
  ]);
  expect(text).toContain('<td style="text-align:left;padding-left:36px">&quot;z&quot;</td>');
  expect(text).toContain('<tfoot>');
});

test('html escapes values, but not what is HTML', () => {
  expect(html`<p title="${'"'}">${['<', html`<b>${'&'}</b>`, false, undefined, 0]}</p>`.text).toBe(
    '<p title="&quot;">&lt;<b>&amp;</b>0</p>',
  );
});
