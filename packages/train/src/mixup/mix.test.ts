/** Mixup and CutMix against timm and torchvision, for given shares and boxes. */
import { readFileSync } from 'node:fs';
import { setDefaultBackend, tensor } from '@tessera/tensor';
import { beforeAll, expect, it } from 'vitest';
import { mixImages, mixTargets, mixupTensor, smoothedOneHot } from './mix.ts';

// The backend that rounds every product and sum as PyTorch does.
beforeAll(() => setDefaultBackend('wasm'));

interface Case {
  readonly name: string;
  readonly count: number;
  readonly lam: number;
  /** top, bottom, left, right */
  readonly box: readonly [number, number, number, number] | null;
  readonly labelSmoothing: number;
  readonly images: readonly number[];
  readonly targets: readonly number[];
}

/** Written by scripts/reference/mixup.py. */
const { cases, tags } = JSON.parse(readFileSync(new URL('mix-reference.json', import.meta.url), 'utf8')) as {
  readonly cases: readonly Case[];
  readonly tags: { readonly lam: number; readonly targets: readonly number[] };
};

const shape = [2, 4, 5] as const;
const imagesOf = (count: number) => {
  const length = count * shape.reduce((product, n) => product * n, 1);
  const values = Float32Array.from({ length }, (_, i) => Math.fround((i * 37) % 101) / 50);
  return tensor(
    values.map((value) => value - 1),
    { shape: [count, ...shape] },
  );
};

it.each(cases)('$name: the same bits', async ({ count, lam, box, labelSmoothing, images, targets }) => {
  const [top = 0, bottom = 0, left = 0, right = 0] = box ?? [];
  const mixup = mixupTensor({ lam, box: box === null ? null : { top, bottom, left, right } });
  expect([...(await mixImages(imagesOf(count), mixup).data())]).toEqual(images);
  const labels = tensor(Int32Array.of(0, 2, 1, 2).subarray(0, count));
  expect([...(await mixTargets(smoothedOneHot(labels, 3, labelSmoothing), mixup).data())]).toEqual(targets);
});

it("timm's targets of images with several classes", async () => {
  const own = tensor(Float32Array.of(1, 0, 1, 0, 1, 0, 1, 1, 0, 0, 0, 0), { shape: [4, 3] });
  const mixed = mixTargets(own, mixupTensor({ lam: tags.lam, box: null }));
  expect([...(await mixed.data())]).toEqual(tags.targets);
});

it('refuses shapes that do not fit', () => {
  const mixup = mixupTensor({ lam: 0.5, box: null });
  expect(() => mixImages(tensor([1, 2]), mixup)).toThrow('mixImages: needs images [N, C, H, W], got [2]');
  expect(() => mixTargets(tensor([1, 2]), mixup)).toThrow('mixTargets: needs targets [N, classes], got [2]');
  expect(() => mixImages(imagesOf(2), tensor([0.5]))).toThrow('mixup must be what mixupTensor returns, [8], got [1]');
});
