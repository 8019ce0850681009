import { beforeAll, describe, expect, it } from 'vitest';
import { tensor } from '../../functions.ts';
import { setDefaultBackend } from '../../kernel/backend.ts';
import { castNumber, type DType, decodeArray } from '../../kernel/dtype.ts';
import { webgpuMissing } from '../../testing/backends.ts';
import { seed } from '../../testing/seed.ts';

/** f32 numbers of every kind, from random bits. */
function randomSingles(count: number): Float32Array {
  const bits = new Uint32Array(count);
  let state = seed | 1;
  for (let k = 0; k < count; k++) {
    state = Math.imul(state, 1664525) + 1013904223;
    bits[k] = state;
  }
  return new Float32Array(bits.buffer);
}

/** The values in a form to compare: subnormal numbers become 0, because a device may flush them. */
const patterns = (values: ArrayLike<number>): number[] =>
  Array.from(values, (value) => {
    if (Number.isNaN(value)) return Number.NaN;
    return Math.abs(value) < 2 ** -126 ? 0 : value;
  });

describe.skipIf(webgpuMissing !== null)(
  `elements in a shader's memory (TESSERA_SEED=${seed}) ${webgpuMissing ?? ''}`,
  () => {
    beforeAll(() => {
      setDefaultBackend('webgpu');
    });

    const all = Uint16Array.from({ length: 65536 }, (_, k) => k);

    it.each(['f16', 'bf16'] as const)('every %s is read and written exactly', async (dtype: DType) => {
      const values = decodeArray(dtype, all);
      const stored = tensor(values, { dtype });
      expect(patterns(await stored.to('f32').data())).toEqual(patterns(values));
      // Odd lengths and offsets use single elements, others use vectors.
      const shifted = stored.slice(0, 1, 65534).contiguous();
      expect(patterns(await shifted.to('f32').data())).toEqual(patterns(values.slice(1, 65534)));
    });

    it.each(['f16', 'bf16'] as const)('f32 is rounded to %s, ties to even', async (dtype: DType) => {
      const values = decodeArray(dtype, all);
      const halfway = Array.from(values, (value, k) => (value + (values[k + 1] ?? 0)) / 2);
      const singles = Float32Array.from([...randomSingles(20_000), ...halfway, 65519.99, 65520, -65520, 3.4e38]);
      const expected = patterns(Array.from(singles, castNumber[dtype]));
      expect(patterns(await tensor(singles).to(dtype).contiguous().to('f32').data())).toEqual(expected);
      expect(patterns(await tensor(singles).to(dtype).to('f32').data())).toEqual(expected);
    });

    it('neighboring bytes and booleans are written correctly at every offset', async () => {
      const x = tensor(Uint8Array.from({ length: 4099 }, (_, k) => k * 7));
      const expected = Array.from({ length: 4099 }, (_, k) => (k * 7) & 255);
      expect([...(await x.add(tensor(1, { dtype: 'u8' })).data())]).toEqual(expected.map((v) => (v + 1) & 255));
      const part = x.slice(0, 3, 4099).contiguous();
      expect([...(await part.data())]).toEqual(expected.slice(3));
      const small = x.slice(0, 0, 4096).lt(tensor(128, { dtype: 'u8' }));
      expect([...(await small.data())]).toEqual(expected.slice(0, 4096).map((v) => Number(v < 128)));
    });
  },
);
