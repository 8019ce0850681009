import { registerReferenceBackends, setDefaultBackend, sizeOf, type Tensor, tensor } from '@tessera/tensor';
import { normalSequence } from '../normal.ts';

/** Tests of derivatives run on the oracle, in f64, or on the backend that TESSERA_TEST_BACKEND names. */
export const useTestBackend = (): void => {
  registerReferenceBackends();
  setDefaultBackend(process.env.TESSERA_TEST_BACKEND ?? 'reference');
};

/** Standard normal numbers, mapped element by element. The same seed gives the same tensor. */
export function normal(shape: readonly number[], seed: number, map: (x: number) => number = (x) => x): Tensor {
  return tensor(normalSequence(seed)(sizeOf(shape)).map(map), { shape, dtype: 'f64' });
}

/** For logarithms and roots: at least 1/2. */
export const positive = (x: number): number => 0.5 + Math.abs(x);

/** For steps: at least 1/5 away from whole numbers. */
export const betweenIntegers = (x: number): number => Math.floor(x) + 0.2 + 0.6 * (x - Math.floor(x));

/** Different numbers, at least 0.1 apart, in an order that the seed chooses: a maximum over them is smooth. */
export function distinct(shape: readonly number[], seed: number): Tensor {
  const keys = normalSequence(seed)(sizeOf(shape));
  const order = Array.from(keys, (_, i) => i).sort((i, j) => (keys[i] as number) - (keys[j] as number));
  const values = new Float64Array(keys.length);
  order.forEach((position, rank) => {
    values[position] = 0.1 * (rank - keys.length / 2) + 0.05;
  });
  return tensor(values, { shape, dtype: 'f64' });
}

export const indices = (values: readonly number[], shape: readonly number[] = [values.length]): Tensor =>
  tensor(Int32Array.from(values), { shape, dtype: 'i32' });
