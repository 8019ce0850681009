import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Outcome, outcome, start, writePictures } from './testing/commands.ts';

let root: string;
beforeAll(async () => {
  root = await fs.mkdtemp(join(tmpdir(), 'commands-'));
  await writePictures(join(root, 'pictures'));
});
afterAll(() => fs.rm(root, { recursive: true }));

/** Runs a command as npm does, called from `root`. `interrupt`: sends Ctrl-C as soon as the output matches. */
const run = (name: string, args: readonly string[], interrupt?: RegExp): Promise<Outcome> =>
  outcome(start(root, name, args), interrupt);

const settings = (...values: string[]): string[] => values.flatMap((value) => ['--set', value]);
const tiny = [
  ...['--preset', 'tiny', '--data', 'dataset', '--run', 'run'],
  ...settings('training.batchSize=4', 'training.epochs=3', 'schedule.warmupSteps=1', 'evaluation.batchSize=4'),
  ...settings('tokenizer.vocabularySize=540', 'runtime.peakGflops=1', 'checkpoints.everySteps=1'),
  // What takes little time is not the same on every machine.
  ...settings('evaluation.everyEpochs=null'),
];

describe('from a folder of pictures to a trained model', () => {
  it('build-dataset makes a data set and says how to go on', async () => {
    const { status, out } = await run('build-dataset', ['pictures', '--out', 'dataset']);
    expect(out).toContain('dataset: test 8, train 8');
    expect(out).toContain('npm run train -- --data dataset');
    expect(status).toBe(0);
    const again = await run('build-dataset', ['pictures', '--out', 'dataset']);
    expect(again.status).toBe(1);
    expect(again.err).toContain('exists already');
  });

  it('train ends in order on Ctrl-C, and goes on to a table and a report', async () => {
    const logged = ['--csv', '--tensorboard', 'logs'];
    const stopped = await run('train', [...tiny, ...logged], /step 1\//);
    expect(stopped.err).toContain('finishing the step and writing a checkpoint');
    expect(stopped.out).toMatch(
      /stopped after step \d of 6; to continue:\n {2}npm run train -- --resume run --tensorboard logs --csv\n/,
    );
    expect(stopped.status).toBe(130);
    const resumed = await run('train', ['--resume', 'run', ...logged]);
    expect(resumed.err).toMatch(/continuing run after step \d/);
    expect(resumed.out).toMatch(/test +image → text +8 \/ 8 +\d/);
    expect(resumed.out).toContain('report: run/report.html');
    expect(resumed.status).toBe(0);
    const lines = (await fs.readFile(join(root, 'run', 'metrics.jsonl'), 'utf8')).trim().split('\n');
    expect(lines.map((line) => JSON.parse(line).step)).toEqual([1, 2, 3, 4, 5, 6, 6]);
    expect(resumed.err).toContain('tensorboard --logdir logs/run');
    expect(await fs.readdir(join(root, 'logs', 'run'))).toHaveLength(2);
    expect((await fs.readFile(join(root, 'run', 'metrics.csv'), 'utf8')).split('\n')).toHaveLength(9);
  });

  it('a dry run says what the run will need, and leaves nothing', async () => {
    const args = [...tiny.map((arg) => (arg === 'run' ? 'tried' : arg)), '--max-steps', '3', '--dry-run'];
    const before = (await fs.readdir(root)).sort();
    const { status, out, err } = await run('train', args);
    expect(err).toContain('dry run: nothing is left in tried');
    expect(out).toMatch(/training rows +8 of .*dataset, train/);
    expect(out).toMatch(/parameters +[\d,]{5,}/);
    expect(out).toMatch(/steps +3 of 4 rows, 1\.5 epochs/);
    expect(out).toMatch(/take +[\d.:]+ (ms|s): if it began now, until .*\d\d:\d\d/);
    expect(out).toMatch(/need +\d+ MB of memory, and .* of the disk, where .* are free/);
    expect(status).toBe(0);
    const stopped = await run('train', args, /rows of/);
    expect([stopped.status, stopped.out]).toEqual([130, '']);
    expect(stopped.err).toContain('ending the dry run');
    const refused = await run('train', [...args, '--set', 'evaluation.splits=[validation]']);
    expect(refused.err).toContain('no split "validation"; its splits are');
    expect(refused.status).toBe(1);
    expect((await fs.readdir(root)).sort()).toEqual(before);
  });

  it('eval prints the numbers as a table and as JSON', async () => {
    const { status, out } = await run('eval', ['run', '--json']);
    expect(JSON.parse(out).retrieval[0]).toMatchObject({ split: 'test', metrics: { imageToText: { queries: 8 } } });
    expect(status).toBe(0);
    const converted = await run('convert', ['run', 'converted', '--to', 'hugging-face']);
    expect(converted.out).toMatch(
      /^the run's checkpoint run.checkpoints.last\.safetensors: CLIP with [\d,]+ parameters$/m,
    );
    expect(converted.out).toContain('written with the names of hugging-face: converted/model.safetensors');
    expect(converted.out).toContain('tokenizer for CLIPTokenizer: converted/tokenizer.json, converted/vocab.json');
    const own = await fs.readFile(join(root, 'run', 'tokenizer.json'), 'utf8');
    const replacing = await run('convert', ['run', 'run', '--to', 'hugging-face']);
    expect(replacing.err).toContain(
      "run is a run's folder, whose tokenizer.json would be replaced: choose another OUT",
    );
    expect(replacing.status).toBe(2);
    expect(await fs.readFile(join(root, 'run', 'tokenizer.json'), 'utf8')).toBe(own);
    const back = await run('convert', ['converted', 'back.safetensors']);
    expect(back.out).toContain('written with the names of openai: back.safetensors');
    const missing = await run('eval', ['run', '--split', 'validation']);
    expect(missing.err).toContain('no split "validation"; its splits are');
    expect(missing.status).toBe(1);
  });

  it('attention draws where the model looks', async () => {
    const picture = 'pictures/red-circle-test.svg';
    const { status, out, err } = await run('attention', ['run', picture, '--text', 'a red circle', '--layer', 'all']);
    expect(err).toBe('');
    expect([status, out]).toEqual([0, 'run/samples/attention-red-circle-test.png\n']);
    const { width = 0, height = 0 } = await sharp(join(root, out.trim())).metadata();
    expect(width).toBeGreaterThan(3 * 192);
    expect(height).toBeGreaterThan(2 * 192);
    const own = await run('attention', ['run', picture, '--head', 'mean', '--no-rollout', '--out', 'new/seen.png']);
    expect([own.status, own.out]).toEqual([0, 'new/seen.png\n']);
    for (const [wrong, message] of [
      [['--layer', '7'], 'layer 7 does not exist: the model has only layer 0'],
      [['--layer', 'last'], '--layer must be all or the number of a layer, got last'],
      [['--head', '-1'], '--head must be all, mean or the number of a head, got -1'],
      [['--out', 'seen.jpg'], '--out must end in .png, got seen.jpg'],
    ] as const) {
      const refused = await run('attention', ['run', picture, ...wrong]);
      expect(refused.err).toContain(message);
      expect(refused.status).toBe(2);
    }
    const words = await run('attention', ['run', 'pictures/captions.csv']);
    expect(words.err).toContain('pictures/captions.csv: cannot be decoded as an image');
    expect(words.status).toBe(2);
  });

  it('predict says which text fits an image', async () => {
    const texts = ['--text', 'a red circle', '--text', 'a blue square'];
    const { status, out, err } = await run('predict', ['run', 'pictures/red-circle-test.svg', ...texts]);
    expect(err).toBe('');
    expect(out).toMatch(/^pictures\/red-circle-test\.svg\n +[\d.]+ % .* a \w+ \w+ +cosine -?0\.\d{3}\n/);
    expect(status).toBe(0);
    await fs.writeFile(join(root, 'names.txt'), 'red\nblue\n');
    const many = await run('predict', ['run', 'pictures', 'pictures/captions.csv', '--classes', 'names.txt', '--json']);
    const answers = JSON.parse(many.out) as { image: string; classes?: { name: string }[]; error?: string }[];
    expect(answers).toHaveLength(17);
    expect(answers[0]?.classes?.map(({ name }) => name).toSorted()).toEqual(['blue', 'red']);
    expect(answers[16]).toMatchObject({ image: 'pictures/captions.csv', error: expect.stringContaining('decoded') });
    expect(many.err).toContain('1 of 17 images could not be read');
    expect(many.status).toBe(1);
    for (const [wrong, message] of [
      [[], 'the task contrastive learned no classes: pass names with --class or --classes'],
      [['--question', 'is it red?'], '--question: the task contrastive does not use this option'],
      [['--classes', 'none.txt'], '--classes none.txt: '],
      [['--class', 'a', '--text', 'b'], 'pass either classes or texts'],
      [['--class', 'a', '--top', '0'], '--top: expected a number from 1 on'],
    ] as const) {
      const refused = await run('predict', ['run', 'pictures', ...wrong]);
      expect(refused.err).toContain(message);
      expect(refused.status).toBe(2);
    }
  });

  it('serve prints its address, and ends in order on Ctrl-C', async () => {
    const { status, out, err } = await run('serve', ['run', '--port', '0'], /Ctrl-C stops it/);
    expect(out).toMatch(/CLIP of run\n\n {2}http:\/\/127\.0\.0\.1:\d+\/\n/);
    expect(err).toContain('ends when running requests are answered');
    expect(status).toBe(0);
    const wrong = await run('serve', ['run', '--cors', 'example.org']);
    expect([wrong.status, wrong.err]).toEqual([2, expect.stringContaining('expected an origin')]);
  });

  it('train fine-tunes a run, and eval evaluates weights between the two', async () => {
    const tuned = tiny.map((option) => (option === 'run' ? 'tuned' : option));
    const from = ['--task', 'contrastive', '--from', 'run', ...settings('initialize.parts=all', 'training.epochs=1')];
    const { status, err } = await run('train', [...tuned, ...from]);
    expect(err).not.toContain('Error');
    expect(status).toBe(0);
    const alphas = ['--alpha', '0', '--alpha', '0.5', '--alpha', '1'];
    const table = await run('eval', ['run', '--interpolate', 'tuned', ...alphas]);
    expect(table.out).toMatch(/^alpha +test: image → text R@1 +test: text → image R@1$/m);
    const { out } = await run('eval', ['run', '--interpolate', 'tuned', ...alphas, '--json']);
    const [first, , last] = JSON.parse(out) as { alpha: number; retrieval: { metrics: unknown }[] }[];
    const alone = async (name: string) =>
      JSON.parse(await fs.readFile(join(root, name, 'evaluation.json'), 'utf8')).retrieval[0].metrics;
    expect(first).toMatchObject({ alpha: 0, retrieval: [{ metrics: await alone('run') }] });
    expect(last).toMatchObject({ alpha: 1, retrieval: [{ metrics: await alone('tuned') }] });
  });
});

describe('a module of the user', () => {
  it('registers before the command begins, with enums', async () => {
    const code = `import { tasks, registerTask } from '@tessera/train';
enum Names { own = 'own-task' }
registerTask({ ...tasks[0], name: Names.own, description: 'a task of the user' });`;
    // In the repository, where the packages are found.
    const folder = await fs.mkdtemp(join(import.meta.dirname, 'own-'));
    await fs.writeFile(join(folder, 'own.ts'), code);
    try {
      const { out, err, status } = await run('train', ['--import', join(folder, 'own.ts'), '--help']);
      expect(err).toBe('');
      expect(out).toContain('own-task: a task of the user');
      expect(status).toBe(0);
    } finally {
      await fs.rm(folder, { recursive: true });
    }
  });

  it('is answered with its file and line where it fails', async () => {
    await fs.writeFile(join(root, 'wrong.ts'), 'interface A { b: number }\n\nconsole.log((null as unknown as A).b);\n');
    const { err, status } = await run('train', ['--import=wrong.ts', '--print-config']);
    expect(err).toContain("--import wrong.ts: wrong.ts:3:36: TypeError: Cannot read properties of null (reading 'b')");
    expect(status).toBe(2);
    const missing = await run('train', ['--import', 'none.ts']);
    expect(missing.err).toContain('--import none.ts: there is no such file');
  });
});

describe('a mistake on the command line', () => {
  it.each([
    ['train', ['--epochs', '3'], 'unknown option --epochs; use --set training.epochs=...'],
    ['train', ['--dta', 'emoji'], 'unknown option --dta; did you mean --data?'],
    ['train', ['./emoji'], 'unexpected argument ./emoji: names of options begin with --'],
    ['train', settings('optimizer.learningrate=1'), '--set optimizer.learningrate: there is no such setting'],
    ['train', ['--data', 'emojis'], 'there is no data set emojis'],
    ['train', ['--resume', 'nothing'], 'nothing: there is no such run or checkpoint'],
    ['train', ['--backend', 'wepgpu'], 'there is no backend wepgpu; choose auto, '],
    ['eval', ['nothing', '--backend', 'wams'], 'did you mean wasm?'],
    ['eval', ['nothing'], 'nothing: there is no such run or checkpoint'],
    ['attention', ['nothing', 'pictures/red-circle-test.svg'], 'nothing: there is no such run or checkpoint'],
    ['attention', ['nothing', 'a.png', '--txt', 'a cat'], 'unknown option --txt; did you mean --text?'],
    ['gradcheck', ['Conv4d'], 'no layer or case is named Conv4d; did you mean Conv1d?'],
    ['convert', ['nothing', 'out'], 'nothing: there is no such file'],
    ['convert', ['pictures/captions.csv', 'out'], 'captions.csv: safetensors: '],
    ['convert', ['pictures', 'out'], 'pictures: contains no weights (looked for model.safetensors'],
    ['convert', ['a', 'b', '--to', 'pytorch'], 'Argument: to, Given: "pytorch"'],
    ['build-dataset', ['nothing'], 'nothing: neither a folder nor a dataset; datasets: cifar10, '],
  ])('%s %j is answered with one clear message', async (name, args, message) => {
    const { status, err } = await run(name, args);
    expect(err).toContain(message);
    expect(err).not.toContain('    at ');
    expect(status).toBeGreaterThan(0);
  });

  it('is a device that is not here: the message says why', async () => {
    const { out } = await run('devices', ['--json']);
    const devices = JSON.parse(out) as { backend: string; available: boolean; reason?: string; dtypes?: string[] }[];
    expect(devices.find(({ backend }) => backend === 'wasm')).toMatchObject({ available: true, facts: { SIMD: true } });
    const missing = devices.find(({ available }) => !available);
    expect(missing?.reason).toMatch(/^\S+: .{10}/);
    if (missing === undefined) return;
    const { status, err } = await run('eval', ['nothing', '--backend', missing.backend]);
    expect(err).toContain((missing.reason as string).slice(0, 40));
    expect(status).toBe(2);
  });

  it('does not keep --settings and --print-config from answering', async () => {
    expect((await run('train', ['--settings'])).out).toMatch(/^optimizer\.lr +number +0\.001 +highest learning rate$/m);
    const { out } = await run('train', ['--print-config', ...settings('optimizer.lr=0.5')]);
    expect(out).toContain('lr: 0.5');
  });
});
