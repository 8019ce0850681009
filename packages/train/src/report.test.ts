/** The report: charts, HTML, and the sections of retrieval and classification. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { classificationMetrics } from './evaluation/classification/metrics.ts';
import { classificationSection } from './evaluation/classification/section.ts';
import { embeddingScript } from './evaluation/retrieval/embedding-script.ts';
import { retrievalMetrics } from './evaluation/retrieval/metrics.ts';
import { retrievalSection } from './evaluation/retrieval/section.ts';
import { type Chart, evaluationCharts, stepCharts } from './report/curves.ts';
import { fact, humanize, percent } from './report/format.ts';
import { html, jsonForScript } from './report/html.ts';
import { pageScript } from './report/page-script.ts';
import { imageDataUri, pixelsDataUri } from './report/pictures.ts';
import { renderReport } from './report/render.ts';
import type { ReportData } from './report/report-data.ts';
import { writeReport } from './run/write-report.ts';

const step = (n: number, more: object) => ({ kind: 'step', step: n, epoch: n / 10, ...more });
const evaluation = (epoch: number, split: string, values: object) => ({
  kind: 'evaluation',
  step: epoch * 10,
  epoch,
  split,
  values,
});

describe('stepCharts', () => {
  it('draws the usual curves first, then every other number by name', () => {
    const records = [
      step(1, { zebra: 1, lr: 0.1, aNumber: 2, loss: 3, text: 'x' }),
      { kind: 'note', step: 1, secret: 1 },
    ];
    expect(stepCharts(records).map(({ title, format }) => [title, format])).toEqual([
      ['Training loss', 'number'],
      ['Learning rate', 'scientific'],
      ['A number', 'number'],
      ['Zebra', 'number'],
    ]);
  });

  it('smooths the loss without a bias towards the first values, and keeps gaps', () => {
    const values = [8, 8, null, 8, 8];
    const [chart] = stepCharts(values.map((loss, i) => step(i + 1, { loss })));
    expect(chart?.x).toEqual([1, 2, 3, 4, 5]);
    expect(chart?.series).toMatchObject([{ label: 'each step', pale: true, y: values }, { y: values }]);
    const noisy = Array.from({ length: 600 }, (_, i) => step(i + 1, { loss: i % 2 }));
    const smooth = stepCharts(noisy)[0]?.series[1]?.y ?? [];
    expect(smooth).toHaveLength(600);
    for (const y of smooth.slice(100)) expect(Math.abs((y ?? 0) - 0.5)).toBeLessThan(0.06);
  });

  it('averages consecutive steps if there are more than a page can show', () => {
    const records = Array.from({ length: 2500 }, (_, i) => step(i + 1, { lr: i < 3 ? [1, 2, 6][i] : null }));
    const [
      {
        x,
        series: [line],
      } = { x: [], series: [] },
    ] = stepCharts(records);
    expect(x).toHaveLength(834);
    expect([x[0], x[1], x.at(-1)]).toEqual([3, 6, 2500]);
    expect(line?.y.slice(0, 2)).toEqual([3, null]);
  });
});

it('a curve of means over several steps is called that', () => {
  const labels = (steps: number) =>
    stepCharts(Array.from({ length: steps }, (_, i) => step(i + 1, { loss: 1 })))[0]?.series.map(({ label }) => label);
  expect(labels(1000)).toEqual(['each step', 'smoothed']);
  expect(labels(2500)).toEqual(['mean of 3 steps', 'smoothed']);
});

it('the speed is that of all steps together: a slow step counts for as long as it took', () => {
  const rates = [1000, 1000, 1000, 10].map((imagesPerSecond, i) =>
    step(i + 1, { imagesPerSecond, mfu: imagesPerSecond / 2000 }),
  );
  const page = renderReport({ title: 'run', summary: {}, config: {}, environment: {}, records: rates });
  // 4 images in 0.103 s; the median would be 1000.
  const tile = (value: string, share: string) =>
    `Images per second</div><div class="value">${value}</div><div class="note">over all steps; ${share}\u202f% of`;
  expect(page).toContain(tile('39', '1.9'));
  // Batches of 10 and 1 images in 1 s each, as at the end of a run whose last part is small.
  const batches = [10, 1].map((imagesPerSecond, i) => step(i + 1, { imagesPerSecond, mfu: 0.1, seconds: 1 }));
  const unequal = renderReport({ title: 'run', summary: {}, config: {}, environment: {}, records: batches });
  expect(unequal).toContain(tile('6', '10.0'));
});

it('a single evaluation is not called a course', () => {
  const titleOf = (...epochs: number[]) =>
    renderReport({
      ...{ title: 'run', summary: {}, config: {}, environment: {} },
      records: epochs.map((epoch) => evaluation(epoch, 'test', { top1: 0.5 })),
    }).match(/<h2>(Evaluation .*?)<\/h2>/)?.[1];
  expect(titleOf(28)).toBe('Evaluation after 28 epochs');
  expect(titleOf(0.5)).toBe('Evaluation after 0.5 epochs');
  expect(titleOf(1, 28)).toBe('Evaluation by epoch');
});

describe('evaluationCharts', () => {
  it('draws a curve for each split, with gaps where a split was not evaluated', () => {
    const charts = evaluationCharts([
      evaluation(1, 'a', { top1: 0.1, loss: 2 }),
      evaluation(1, 'b', { top1: 0.2 }),
      evaluation(2, 'a', { top1: 0.3, loss: 1 }),
    ]);
    expect(charts).toEqual<Chart[]>([
      { title: 'Loss', xLabel: 'epoch', format: 'number', x: [1, 2], series: [{ label: 'a', y: [2, 1] }] },
      {
        title: 'Top-1 accuracy',
        xLabel: 'epoch',
        format: 'percent',
        x: [1, 2],
        series: [
          { label: 'a', y: [0.1, 0.3] },
          { label: 'b', y: [0.2, null] },
        ],
      },
    ]);
  });

  it('names the fields that a record lacks', () => {
    expect(() => evaluationCharts([{ kind: 'evaluation', step: 7, split: 'a' }])).toThrow(
      'the evaluation after step 7 lacks',
    );
  });
});

describe('html', () => {
  it('escapes everything except HTML', () => {
    const inner = html`<b title="${'"'}">${'<&>'}</b>`;
    expect(html`${inner}${[1, ' ', inner]}${undefined}${false}`.text).toBe(
      '<b title="&quot;">&lt;&amp;&gt;</b>1 <b title="&quot;">&lt;&amp;&gt;</b>',
    );
  });

  it('keeps JSON within its script element', () => {
    const value = { text: '</script><!--', number: 1 };
    const { text } = jsonForScript(value);
    expect(text).not.toContain('<');
    expect(JSON.parse(text)).toEqual(value);
  });
});

it('numbers and names are formatted for readers', () => {
  expect([percent(0.3742), percent(0.00123), percent(1), percent(0)]).toEqual([
    '37.4\u202f%',
    '0.12\u202f%',
    '100\u202f%',
    '0.0\u202f%',
  ]);
  expect([fact(151277313), fact(0.123456789), fact('x')]).toEqual(['151,277,313', '0.123457', 'x']);
  expect([humanize('imagesPerSecond'), humanize('grad_norm')]).toEqual(['Images per second', 'Grad norm']);
});

describe('images', () => {
  it('become data URIs of the type that their bytes have', async () => {
    const uri = await pixelsDataUri(Uint8Array.of(0, 128, 255, 0), { height: 2, width: 2, channels: 1 });
    expect(uri).toMatch(/^data:image\/png;base64,iVBOR/);
    const jpeg = Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, ...new Array(20).fill(0));
    expect(imageDataUri(jpeg)).toMatch(/^data:image\/jpeg;base64,/);
    expect(() => imageDataUri(new TextEncoder().encode('<svg xmlns="x"></svg>'))).toThrow('neither PNG, JPEG');
    expect(() => imageDataUri(new Uint8Array(2))).toThrow('neither PNG, JPEG');
  });
});

describe('a report', () => {
  const picture = 'data:image/png;base64,AAAA';
  const features = Float32Array.of(1, 0, 0, 1);
  const concepts = { imageConcepts: [1, 2], textConcepts: [1, 2] };
  const details: Omit<ReportData, 'records'> = {
    title: 'run <1>',
    subtitle: 'CLIP & co',
    summary: { Parameters: 1843201 },
    config: { caption: '</pre><script>alert(1)</script>' },
    environment: { Backend: 'wasm' },
    sections: [
      {
        html: retrievalSection([
          {
            split: 'held-out style',
            metrics: retrievalMetrics(features, features, 2, concepts),
            imageQueries: [
              {
                image: picture,
                caption: 'a "cat"',
                results: [
                  { text: 'a dog', score: 0.5, right: false },
                  { text: 'a cat', score: 0.25, right: true },
                ],
              },
            ],
            textQueries: [{ text: 'a cat', results: [{ image: picture, caption: 'cat', score: 0.5, right: true }] }],
            imageNeighbors: [
              {
                image: picture,
                caption: 'a <cat>',
                results: [{ image: picture, caption: 'a lion', score: 0.875, right: false }],
              },
            ],
            embeddings: {
              imageLabels: ['one </script>', 'two'],
              textLabels: ['both'],
              captions: [0, 0],
              planes: [
                {
                  title: 'As they are',
                  shares: [0.75, 0.25],
                  images: [
                    [-1, 0],
                    [3, 0],
                  ],
                  texts: [[1, 1]],
                },
                { title: 'Centered', shares: [0.5, 0.5], images: [[0, 0]], texts: [[0, 0]] },
              ],
            },
          },
        ]),
        script: embeddingScript,
      },
      {
        html: classificationSection([
          {
            split: 'test',
            classNames: ['cat', 'dog'],
            metrics: classificationMetrics(Float32Array.of(1, 0, 1, 0, 0, 1), [0, 1, 1], 2),
            mistakes: [{ image: picture, truth: 1, prediction: 0, confidence: 0.7 }],
          },
        ]),
      },
    ],
  };
  const records = [step(1, { loss: 2, lr: 0.1, imagesPerSecond: 100, mfu: 0.4 }), evaluation(1, 'test', { top1: 0.5 })];
  const page = renderReport({ ...details, records });

  it('loads nothing from the network', () => {
    const attributes = [...page.matchAll(/(?:src|href|action|data)="([^"]*)"/g)].map(([, value]) => value ?? '');
    expect(attributes.filter((value) => !value.startsWith('data:image/'))).toEqual([]);
    expect(page).not.toMatch(/@import|url\(\s*['"]?http|<link/);
    expect(page).toContain('content="default-src &#39;none&#39;;');
  });

  it('escapes names, captions and settings', () => {
    expect(page).toContain('<h1>run &lt;1&gt;</h1>');
    expect(page).toContain('alt="a &quot;cat&quot;"');
    expect(page).not.toContain('alert(1)</script>');
  });

  it('marks the right answers', () => {
    expect(page).toContain('<li class="other"><span>a dog</span>');
    expect(page).toContain('<li class="right"><span>✓ a cat</span><span class="score">0.25</span>');
    expect(page).toMatch(/<figure class="right">/);
  });

  it('shows the nearest pictures', () => {
    expect(page).toMatch(/alt="a &lt;cat&gt;".*<p class="wanted">a &lt;cat&gt;<.p>.*title="a lion".*0\.88/s);
  });

  it('draws embeddings to scale, each picture connected with its caption, with labels for a script that parses', () => {
    const [, ties, dots = ''] = /<path class="ties" d="([^"]*)"\/>(.*?)<\/svg>/s.exec(page) ?? [];
    // Four units of the plane are as wide as the drawing without its margins; y points up.
    expect(ties).toBe('M12 227L240 113M468 227L240 113');
    expect([...dots.matchAll(/cx="([^"]*)" cy="([^"]*)"/g)].map(([, x, y]) => [Number(x), Number(y)])).toEqual([
      [240, 113],
      [12, 227],
      [468, 227],
    ]);
    expect(page).toContain('As they are · 75.0\u202f% of the variance');
    const labels = page.match(/<script type="application\/json">(.*?)<\/script>/s)?.[1] ?? '';
    expect(JSON.parse(labels)).toEqual({ images: ['one </script>', 'two'], texts: ['both'], captions: [0, 0] });
    expect(page).toContain(embeddingScript);
    expect(() => new Function(embeddingScript)).not.toThrow();
  });

  it('contains numbers, confusions and facts', () => {
    expect(page).toContain('66.7\u202f%');
    expect(page).toContain('dog predicted as cat: 1 (50.0\u202f%)');
    expect(page).toContain('dog → cat 70.0\u202f%');
    expect(page).toContain('<dt>Parameters</dt><dd>1,843,201</dd>');
    expect(page).toContain('40.0\u202f% of the machine&#39;s peak');
  });

  it('has a place and data for each chart, and a script that parses', () => {
    const json = page.match(/<script type="application\/json" id="charts">(.*?)<\/script>/s)?.[1] ?? '';
    const charts: Chart[] = JSON.parse(json);
    expect(charts.map(({ title }) => title)).toEqual([
      'Training loss',
      'Learning rate',
      'Images per second',
      "Share of the machine's peak (MFU)",
      'Top-1 accuracy',
    ]);
    const places = [...page.matchAll(/data-chart="(\d+)"/g)].map(([, index]) => Number(index));
    expect(places).toEqual([0, 1, 2, 3, 4]);
    expect(() => new Function(pageScript)).not.toThrow();
  });

  it('shows many classes as a picture', () => {
    const classes = 31;
    const logits = new Float32Array(classes * classes);
    for (let i = 0; i < classes; i++) logits[i * classes + Math.min(i, 29)] = 1;
    const labels = Array.from({ length: classes }, (_, i) => i);
    const classNames = labels.map((i) => `class ${i}`);
    const metrics = classificationMetrics(logits, labels, classes);
    const many = renderReport({
      ...details,
      records: [],
      sections: [{ html: classificationSection([{ split: 'test', classNames, metrics }]) }],
    });
    expect(many.match(/<rect x="\d+" y="\d+" width="1"/g)).toHaveLength(classes);
    expect(many).toContain('class 30 predicted as class 29: 1');
  });

  it('is short without records and sections', () => {
    const empty = renderReport({ title: 'x', summary: {}, config: {}, environment: {}, records: [] });
    expect(empty).not.toContain('uPlot');
    expect(empty.length).toBeLessThan(20_000);
  });

  describe('in a run folder', () => {
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'report-'));
    });
    afterAll(() => rm(folder, { recursive: true }));

    it('is rendered from metrics.jsonl', async () => {
      await writeFile(join(folder, 'metrics.jsonl'), records.map((record) => `${JSON.stringify(record)}\n`).join(''));
      const path = await writeReport(folder, details);
      expect(path).toBe(join(folder, 'report.html'));
      expect(await readFile(path, 'utf8')).toBe(page);
      expect((await readdir(folder)).sort()).toEqual(['metrics.jsonl', 'report.html']);
    });
  });
});
