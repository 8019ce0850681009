// The bytes of tensors, in pieces.
import { expect, test } from 'vitest';
import { registerReferenceBackends, setDefaultBackend, type Tensor, tensor, tensorBytes } from './index.ts';

registerReferenceBackends();

async function bytesOf(x: Tensor, pieceBytes: number): Promise<{ bytes: number[]; pieces: number }> {
  const bytes: number[] = [];
  let pieces = 0;
  for await (const piece of tensorBytes(x, () => new Uint8Array(pieceBytes))) {
    bytes.push(...piece);
    pieces++;
  }
  return { bytes, pieces };
}

test.each(['reference', 'wasm'])('%s: values of every type, computed and stored', async (backend) => {
  setDefaultBackend(backend);
  const values = Float32Array.of(1.5, -2, 0.25, 3, -0);
  const expected = [...new Uint8Array(values.buffer)];
  expect(await bytesOf(tensor(values), 8)).toEqual({ bytes: expected, pieces: 3 });
  // Not row-major in memory before it is computed.
  const matrix = tensor([
    [1, 2],
    [3, 4],
  ]).transpose(0, 1);
  expect((await bytesOf(matrix, 64)).bytes).toEqual([...new Uint8Array(Float32Array.of(1, 3, 2, 4).buffer)]);
  // 1.5 and -2 in f16 and bf16: https://en.wikipedia.org/wiki/Half-precision_floating-point_format
  expect((await bytesOf(tensor([1.5, -2]).cast('f16'), 64)).bytes).toEqual([0x00, 0x3e, 0x00, 0xc0]);
  expect((await bytesOf(tensor([1.5, -2]).cast('bf16'), 64)).bytes).toEqual([0xc0, 0x3f, 0x00, 0xc0]);
  expect((await bytesOf(tensor([1, 0]).cast('bool'), 64)).bytes).toEqual([1, 0]);
  expect(await bytesOf(tensor([], { shape: [0] }), 8)).toEqual({ bytes: [], pieces: 0 });
});
