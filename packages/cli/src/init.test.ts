/** `tessera init`: the projects that it makes can be trained, and nothing is overwritten. */
import { execFile } from 'node:child_process';
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exampleImages } from './lib/init/example.ts';
import { writeProject } from './lib/init/project.ts';
import { outcome, sourceArguments, start } from './testing/commands.ts';

let root: string;
beforeAll(async () => {
  root = await fs.mkdtemp(join(tmpdir(), 'init-'));
});
afterAll(() => fs.rm(root, { recursive: true }));

const run = (folder: string, name: string, ...args: string[]) => outcome(start(folder, name, args));

/** All files of a project by their paths, without the images. */
async function filesOf(folder: string): Promise<string[]> {
  const entries = await fs.readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return files
    .filter((file) => !file.endsWith('.png'))
    .map((file) => file.slice(folder.length + 1))
    .sort();
}

const common = [
  '.gitignore',
  'README.md',
  'data/README.md',
  'package.json',
  'src/model.ts',
  'src/train.ts',
  'tessera.yaml',
  'tsconfig.json',
];

describe('example images', () => {
  it('are 300, each in a file of its own, and the same every time', () => {
    const images = exampleImages('contrastive');
    expect(new Set(images.map(({ path }) => path)).size).toBe(300);
    expect(images).toEqual(exampleImages('contrastive'));
    expect(images[0]).toMatchObject({
      path: 'red-circle-0.png',
      caption: expect.stringMatching(/^a small red circle on \w+$/),
    });
    expect(exampleImages('classify')[0]?.path).toBe('circle/red-circle-0.png');
  });
});

it('npm create tessera is the same command', async () => {
  const program = fileURLToPath(new URL('../../create-tessera/bin/create-tessera.js', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [...sourceArguments, program, '--help']);
  expect(stdout).toContain('Makes a project');
});

describe('a project', () => {
  it('for captions is trained with its settings, and with its own program', async () => {
    const { out, err, status } = await run(root, 'init', 'My Project', '--example');
    expect(status, err).toBe(0);
    expect(out).toContain('wrote My Project/tessera.yaml');
    expect(out).toContain('drew 300 images in My Project/data/images');
    const project = join(root, 'My Project');
    expect(await filesOf(project)).toEqual([...common, 'data/images/captions.csv'].sort());
    const manifest = JSON.parse(await fs.readFile(join(project, 'package.json'), 'utf8'));
    expect(manifest).toMatchObject({
      name: 'my-project',
      dependencies: { '@tessera/cli': expect.stringMatching(/^\^\d/) },
    });
    const trained = await run(
      project,
      'train',
      '--max-steps',
      '2',
      '--run',
      'runs/first',
      '--set',
      'runtime.peakGflops=1',
    );
    expect(trained.status, trained.err).toBe(0);
    expect(trained.err).toMatch(/my-project: 2[67]\d rows of .*data\/images/);
    expect(trained.out).toContain('report: runs/first/report.html');
    await fs.symlink(fileURLToPath(new URL('../../../node_modules', import.meta.url)), join(project, 'node_modules'));
    const { stdout } = await promisify(execFile)(process.execPath, [...sourceArguments, 'src/train.ts', '1'], {
      cwd: project,
    });
    expect(stdout).toMatch(/^epoch 1 of 1: loss \d\.\d+\nwrote own-model.safetensors\n$/);
  });

  it('for classes has a folder for each', async () => {
    const { status, err } = await run(root, 'init', 'classes', '--task', 'classify', '--example');
    expect(status, err).toBe(0);
    const project = join(root, 'classes');
    expect(await filesOf(project)).toEqual([...common].sort());
    expect(await fs.readdir(join(project, 'data/images'))).toEqual(['circle', 'cross', 'square', 'star', 'triangle']);
    const trained = await run(project, 'train', '--max-steps', '2', '--run', 'run', '--set', 'runtime.peakGflops=1');
    expect(trained.status, trained.err).toBe(0);
  });

  it('is not written into a folder with files, unless that is asked for, and never over one', async () => {
    const folder = join(root, 'full');
    await fs.mkdir(folder);
    await fs.writeFile(join(folder, 'notes.txt'), 'mine');
    const options = { task: 'classify', example: false, force: false } as const;
    await expect(writeProject(folder, options)).rejects.toThrow('is not empty (notes.txt); --force adds');
    const forced = { ...options, force: true };
    await fs.writeFile(join(folder, 'README.md'), 'mine');
    await expect(writeProject(folder, forced)).rejects.toThrow('README.md is there already; nothing was written');
    expect((await fs.readdir(folder)).sort()).toEqual(['README.md', 'notes.txt']);
    await fs.rm(join(folder, 'README.md'));
    expect((await writeProject(folder, forced)).files).toContain('tessera.yaml');
    expect(await fs.readFile(join(folder, 'notes.txt'), 'utf8')).toBe('mine');
    await expect(writeProject(join(folder, 'notes.txt'), options)).rejects.toThrow('is a file; name a folder');
  });
});
