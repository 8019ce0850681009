/** Inputs for tests of derivatives. */
import { registerReferenceBackends, setDefaultBackend, sizeOf, type Tensor, tensor } from '@tessera/tensor';
import { normalSequence } from '../normal.ts';

/** Tests of derivatives run on the oracle, in f64, or on the backend that TESSERA_TEST_BACKEND names. */
export const useTestBackend = (): void => {
  registerReferenceBackends();
  setDefaultBackend(process.env.TESSERA_TEST_BACKEND ?? 'reference');
};

/** Standard normal numbers, mapped element by element. The same seed makes the same tensor. */
export function normal(shape: readonly number[], seed: number, map: (x: number) => number = (x) => x): Tensor {
  return tensor(normalSequence(seed)(sizeOf(shape)).map(map), { shape, dtype: 'f64' });
}

/** A number of at least 1/2, for logarithms and roots. */
export const positive = (x: number): number => 0.5 + Math.abs(x);

/** A number at least 1/5 away from whole numbers, for step functions. */
export const betweenIntegers = (x: number): number => Math.floor(x) + 0.2 + 0.6 * (x - Math.floor(x));

/** Numbers at least 0.1 apart, in an order that depends on the seed: a maximum over them is smooth. */
export function distinct(shape: readonly number[], seed: number): Tensor {
  const keys = normalSequence(seed)(sizeOf(shape));
  const order = Array.from(keys, (key, position) => ({ key, position })).sort((a, b) => a.key - b.key);
  const values = new Float64Array(keys.length);
  for (const [rank, { position }] of order.entries()) values[position] = 0.1 * (rank - keys.length / 2) + 0.05;
  return tensor(values, { shape, dtype: 'f64' });
}

export const indices = (values: readonly number[], shape: readonly number[] = [values.length]): Tensor =>
  tensor(Int32Array.from(values), { shape, dtype: 'i32' });
