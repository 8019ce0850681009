/** Nearest pictures as examples of retrieval. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataset } from '@tessera/data';
import { writeTinyDataset } from '@tessera/data/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pairColumns } from './encode-split.ts';
import { evaluateRetrieval } from './evaluate.ts';
import { describeRetrieval, findRetrievalExamples } from './examples.ts';

let root: string;
beforeAll(async () => {
  root = await fs.mkdtemp(join(tmpdir(), 'retrieval-examples-'));
  await writeTinyDataset(join(root, 'data'));
});
afterAll(() => fs.rm(root, { recursive: true }));

describe('nearest pictures', () => {
  it('are the other pictures in the order of their similarity; with equal features, all but the picture itself', async () => {
    const dataset = await openDataset(join(root, 'data'));
    const split = dataset.split('test');
    // Angles of the twelve images: the first three are equal, each further one is farther from them.
    const angles = Array.from({ length: split.length }, (_, k) => Math.max(0, k - 2) / 8);
    const features = Float32Array.from(angles.flatMap((angle) => [Math.cos(angle), Math.sin(angle)]));
    const names = angles.map((_, k) => `picture ${k}`);
    // Pairs of neighbors have the same concept.
    const concepts = angles.map((_, k) => k >> 1);
    const encoded = {
      split,
      dims: 2,
      imageFeatures: features,
      imageConcepts: concepts,
      imageRows: angles.map((_, k) => k),
      imageTexts: names,
      texts: names,
      textFeatures: features,
      textConcepts: concepts,
      pixels: null,
      skipped: 0,
    };
    const pictures = { imageSize: 8, image: pairColumns.image };
    const counts = { images: 1, texts: 1, neighbors: 4, results: 3 };
    const examples = await findRetrievalExamples(encoded, pictures, counts);
    const { imageNeighbors = [], embeddings } = await describeRetrieval(
      evaluateRetrieval(encoded, null, pictures),
      examples,
    );
    dataset.close();
    expect(imageNeighbors.map(({ caption }) => caption)).toEqual(['picture 0', 'picture 3', 'picture 6', 'picture 9']);
    const [first, , , last] = imageNeighbors;
    expect(first?.results.map(({ caption, right }) => [caption, right])).toEqual([
      ['picture 1', true],
      ['picture 2', false],
      ['picture 3', false],
    ]);
    expect(first?.results.map(({ score }) => score)).toEqual([1, 1, Math.cos(1 / 8)].map((s) => expect.closeTo(s, 5)));
    expect(last?.results.map(({ caption }) => caption).sort()).toEqual(['picture 10', 'picture 11', 'picture 8']);
    for (const { image, results } of imageNeighbors)
      for (const uri of [image, ...results.map((result) => result.image)]) expect(uri).toMatch(/^data:image\/png/);
    expect(embeddings?.imageLabels).toEqual(names);
  });
});
