// The server: who may read, which files, and what is sent as runs grow.
import { promises as fs } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { CurvesResponse, Library, LibraryChange, RunDetail } from '../shared/api.ts';
import { writeMadeUpRun } from '../testing/made-up-run.ts';
import { type Dashboard, type DashboardOptions, serveDashboard } from './serve.ts';

const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const page = new Map([['/', { type: 'text/html; charset=utf-8', content: Buffer.from('<title>page</title>') }]]);

let root: string;
const open: Dashboard[] = [];
const serve = async (options: Partial<DashboardOptions> = {}): Promise<Dashboard> => {
  const dashboard = await serveDashboard({ folder: join(root, 'runs'), page, ...options });
  open.push(dashboard);
  return dashboard;
};

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

interface Question {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A request as it is: `fetch` would clean its path and refuse its headers. */
const ask = (
  { port }: Dashboard,
  path: string,
  { method = 'GET', headers = {}, body }: Question = {},
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, method, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
const json = <T>({ body }: Answer): T => JSON.parse(body.toString()) as T;
const post = (dashboard: Dashboard, path: string, value: unknown): Promise<Answer> =>
  ask(dashboard, path, { method: 'POST', body: JSON.stringify(value) });

beforeAll(async () => {
  root = await fs.mkdtemp(join(tmpdir(), 'dashboard-'));
  const run = { steps: 200, stepsPerEpoch: 100, epochs: 2 };
  await writeMadeUpRun(join(root, 'runs'), { ...run, name: 'first' });
  const half = await writeMadeUpRun(join(root, 'runs', 'group'), { ...run, name: 'half', steps: 120 });
  await fs.writeFile(join(half, 'samples', 'batch.png'), png);
  await fs.writeFile(join(half, 'samples', 'script.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
  await fs.writeFile(join(half, 'report.html'), '<script>report</script>');
  await fs.writeFile(join(root, 'secret.png'), png);
  await fs.symlink(join(root, 'secret.png'), join(half, 'samples', 'link.png'));
});
afterEach(async () => {
  for (const dashboard of open.splice(0)) await dashboard.close();
});
afterAll(() => fs.rm(root, { recursive: true }));

describe('the library', () => {
  it('lists runs in all folders, by what the end of their files says', async () => {
    const { runs } = json<Library>(await ask(await serve(), '/api/library'));
    expect(runs.map(({ id, status, step, totalSteps, epoch }) => ({ id, status, step, totalSteps, epoch }))).toEqual(
      expect.arrayContaining([
        { id: 'first', status: 'finished', step: 200, totalSteps: 200, epoch: 2 },
        { id: 'group/half', status: 'interrupted', step: 120, totalSteps: 200, epoch: 1.2 },
      ]),
    );
    expect(runs).toHaveLength(2);
    expect(runs[0]).toMatchObject({
      name: 'first',
      title: 'first',
      task: 'contrastive',
      dataset: 'emoji',
      problem: null,
    });
    expect(runs[0]?.pace?.steps).toBeGreaterThan(50);
    expect(runs[0]?.pace?.secondsPerStep).toBeCloseTo(0.11, 2);
    expect(runs[0]?.pace?.imagesPerSecond).toBeCloseTo(64 / 0.11, -2);
    expect(Object.keys(runs[0]?.evaluations.test ?? {})).toEqual(['loss', 'imageToTextR1']);
  });

  it('sends the metrics of a run as a table, also of one that ended without one', async () => {
    const dashboard = await serve();
    const answer = await ask(dashboard, '/api/table?run=group%2Fhalf');
    expect(answer.headers['content-type']).toBe('text/csv; charset=utf-8');
    expect(answer.headers['content-disposition']).toBe('attachment; filename="half.csv"');
    const lines = answer.body.toString().split('\n');
    expect(lines[0]).toBe(
      'kind,step,epoch,split,loss,lr,gradNorm,imagesPerSecond,mfu,seconds,time,memory,imageToTextR1',
    );
    // 120 steps, an evaluation, and the heading.
    expect(lines).toHaveLength(123);
    expect((await ask(dashboard, '/api/table?run=gone')).status).toBe(404);
  });

  it('sends curves, evaluations and settings of the runs that are asked for', async () => {
    const dashboard = await serve();
    const request = {
      runs: [{ id: 'first' }, { id: 'gone' }],
      metrics: ['loss'],
      axis: 'epoch',
      range: null,
      points: 50,
      bands: true,
    };
    const { runs } = json<CurvesResponse>(await post(dashboard, '/api/curves', request));
    expect(runs).toHaveLength(1);
    expect(runs[0]).toMatchObject({ id: 'first', groupSize: 4, read: 1, start: 0 });
    expect(runs[0]?.x).toHaveLength(50);
    const ids = { runs: ['first', 'group/half'] };
    expect(json(await post(dashboard, '/api/settings', ids))).toMatchObject({
      runs: [{ settings: { 'optimizer.lr': '0.001' } }, { settings: { 'training.epochs': '2' } }],
    });
    const { runs: evaluated } = json<{ runs: { points: object[] }[] }>(await post(dashboard, '/api/evaluations', ids));
    expect(evaluated.map(({ points }) => points.length)).toEqual([2, 1]);
  });

  it.each([
    [{ runs: 'first' }, 'points'],
    [{ runs: [], metrics: [1], axis: 'step', points: 5, bands: true }, 'metrics'],
    [{ runs: [], metrics: [], axis: 'steps', points: 5, bands: true }, 'axis'],
    [{ runs: [], metrics: [], axis: 'step', points: 1e9, bands: true }, 'points'],
    [{ runs: [{ id: 'a', held: { groups: -1 } }], metrics: [], axis: 'step', points: 5, bands: true }, 'held'],
    [{ runs: [], metrics: [], axis: 'step', points: 5 }, 'bands'],
    [{ runs: [], metrics: [], axis: 'step', points: 5, bands: true, range: [0, 'x'] }, 'range'],
  ])('refuses %j, and names %s', async (body, name) => {
    const answer = await post(await serve(), '/api/curves', { axis: 'step', ...body });
    expect(answer.status).toBe(400);
    expect(json<{ error: string }>(answer).error).toContain(name);
  });

  it('refuses bodies that are not JSON or too large', async () => {
    const dashboard = await serve();
    expect((await ask(dashboard, '/api/curves', { method: 'POST', body: '{' })).status).toBe(400);
    const large = await ask(dashboard, '/api/curves', { method: 'POST', body: `"${'x'.repeat(2 ** 20)}"` });
    expect(large.status).toBe(400);
  });
});

describe('pictures and reports', () => {
  it('are sent if the run has them', async () => {
    const dashboard = await serve();
    const { pictures, report } = json<RunDetail>(await ask(dashboard, '/api/run?run=group%2Fhalf'));
    // Neither SVG, which can contain scripts, nor links, which may lead elsewhere.
    expect(pictures.map(({ name }) => name)).toEqual(['samples/batch.png']);
    expect(report).toBeGreaterThan(0);
    const picture = await ask(dashboard, '/api/picture?run=group%2Fhalf&name=samples%2Fbatch.png');
    expect(picture.headers['content-type']).toBe('image/png');
    expect(picture.body).toEqual(png);
    const answer = await ask(dashboard, '/api/report?run=group%2Fhalf');
    expect(answer.headers['content-security-policy']).toMatch(/^sandbox allow-scripts/);
    expect((await ask(dashboard, '/api/report?run=first')).status).toBe(404);
  });

  it.each([
    '/api/picture?run=group%2Fhalf&name=..%2F..%2F..%2Fsecret.png',
    '/api/picture?run=group%2Fhalf&name=samples%2Flink.png',
    '/api/picture?run=group%2Fhalf&name=samples%2Fscript.svg',
    '/api/picture?run=group%2Fhalf&name=config.yaml',
    '/api/picture?run=..&name=secret.png',
    '/api/picture?run=%2Fetc&name=passwd',
    '/api/run?run=..%2F..',
    '/api/report?run=..%2Fruns%2Fgroup%2Fhalf',
    '/../../secret.png',
    '/%2e%2e/secret.png',
    '/..%2fsecret.png',
    '//etc/passwd',
  ])('nothing else is sent: %s', async (path) => {
    expect((await ask(await serve(), path)).status).toBe(404);
  });
});

describe('who may read', () => {
  it('a page whose name was led to this server (DNS rebinding) reads nothing', async () => {
    const dashboard = await serve({ hosts: ['proxy.example'] });
    for (const path of ['/', '/api/library', '/api/events'])
      expect((await ask(dashboard, path, { headers: { host: 'evil.example' } })).status).toBe(421);
    expect((await ask(dashboard, '/api/library', { headers: { host: 'proxy.example' } })).status).toBe(200);
  });

  it('a page of another site reads nothing', async () => {
    const dashboard = await serve();
    for (const site of ['cross-site', 'same-site'])
      expect((await ask(dashboard, '/api/library', { headers: { 'sec-fetch-site': site } })).status).toBe(403);
    expect((await ask(dashboard, '/api/library', { headers: { 'sec-fetch-site': 'same-origin' } })).status).toBe(200);
    expect((await ask(dashboard, '/api/library')).headers['access-control-allow-origin']).toBeUndefined();
  });

  it('a strict policy comes with every answer', async () => {
    const dashboard = await serve();
    for (const path of ['/', '/api/library', '/nothing']) {
      const { headers } = await ask(dashboard, path);
      expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
      expect(headers['content-security-policy']).not.toContain('unsafe');
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['cross-origin-resource-policy']).toBe('same-origin');
    }
  });

  it('only reading is possible', async () => {
    const dashboard = await serve();
    for (const [method, path] of [
      ['DELETE', '/api/library'],
      ['POST', '/'],
      ['GET', '/api/curves'],
    ] as const)
      expect([404, 405]).toContain((await ask(dashboard, path, { method })).status);
  });

  it('other machines need a token, which moves from the address to a cookie', async () => {
    await expect(serve({ host: '0.0.0.0' })).rejects.toThrow('so a token is needed');
    const dashboard = await serve({ host: '0.0.0.0', token: 'correct-horse' });
    expect(dashboard.url).toMatch(/\/\?token=correct-horse$/);
    for (const path of ['/', '/api/library', '/?token=wrong', '/api/library?token=correct-hors'])
      expect((await ask(dashboard, path)).status).toBe(401);
    const moved = await ask(dashboard, '/?token=correct-horse&run=first');
    expect([moved.status, moved.headers.location]).toEqual([303, './?run=first']);
    const [cookie = ''] = moved.headers['set-cookie'] ?? [];
    expect(cookie).toMatch(/; HttpOnly; SameSite=Strict; Path=\/$/);
    const [pair = ''] = cookie.split(';');
    expect((await ask(dashboard, '/api/library', { headers: { cookie: `other=1; ${pair}` } })).status).toBe(200);
    const authorization = 'Bearer correct-horse';
    expect((await ask(dashboard, '/api/library', { headers: { authorization } })).status).toBe(200);
  });

  it('a port in use is an error, unless any will do', async () => {
    const { port } = await serve();
    await expect(serve({ port })).rejects.toThrow(`port ${port} of 127.0.0.1 is in use; choose another with --port`);
    expect((await serve({ port, anyPort: true })).port).not.toBe(port);
  });
});

describe('events', () => {
  /** The changes that a page is sent. */
  async function* changesOf({ port }: Dashboard): AsyncGenerator<LibraryChange> {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request({ host: '127.0.0.1', port, path: '/api/events' }, resolve).on('error', reject).end();
    });
    expect(response.headers['content-type']).toBe('text/event-stream');
    let text = '';
    for await (const chunk of response) {
      text += String(chunk);
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const [, data] = /^data: (.*)$/m.exec(text.slice(0, end)) ?? [];
        text = text.slice(end + 2);
        if (data !== undefined) yield JSON.parse(data) as LibraryChange;
      }
    }
  }

  it('tell of new lines, of a resumed run, of new runs and of removed ones', async () => {
    const folder = join(root, 'followed');
    const run = { name: 'live', stepsPerEpoch: 100, epochs: 2 };
    const path = await writeMadeUpRun(folder, { ...run, steps: 50 });
    const dashboard = await serve({ folder, interval: 20 });
    const changes = changesOf(dashboard);
    /** The next state of the run with this number of steps. */
    const untilStep = async (step: number): Promise<LibraryChange> => {
      for await (const change of { [Symbol.asyncIterator]: () => ({ next: () => changes.next() }) })
        if (change.runs.some((one) => one.step === step)) return change;
      throw new Error('the stream has ended');
    };
    const append = (step: number): Promise<void> =>
      fs.appendFile(join(path, 'metrics.jsonl'), `{"kind":"step","step":${step},"epoch":0.6,"loss":1}\n`);
    const first = changes.next();
    await append(60);
    const { value } = await first;
    expect((value as LibraryChange).runs[0]).toMatchObject({ id: 'live', step: 60, last: { loss: 1 } });
    // Resumed after step 20: fewer lines, then more.
    await writeMadeUpRun(folder, { ...run, steps: 20 });
    expect((await untilStep(20)).runs[0]?.id).toBe('live');
    const curves = await post(dashboard, '/api/curves', {
      runs: [{ id: 'live', held: { generation: 1, groupSize: 1, groups: 51 } }],
      metrics: ['loss'],
      axis: 'step',
      range: null,
      points: 100,
      bands: false,
    });
    expect(json<CurvesResponse>(curves).runs[0]?.x).toHaveLength(20);
    await writeMadeUpRun(folder, { ...run, name: 'second', steps: 7 });
    expect((await untilStep(7)).runs.map(({ id }) => id)).toContain('second');
    await fs.rm(join(folder, 'second'), { recursive: true });
    for (;;) {
      const { value: change } = await changes.next();
      if ((change as LibraryChange).removed.includes('second')) break;
    }
  });
});
