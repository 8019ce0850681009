/** Encoders for predictions: any number of images or texts, in batches of a few sizes. */
import { type ImageTower, preprocess } from '@tessera/models';
import type { Module } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';
import { BatchEncoder } from '../evaluation/encoder.ts';

/**
 * Of batches: a few images take about the time of as many, and a few programs suffice. There is no batch of one: its axis would be dropped,
 * and sums run in another order than in all other batches. With Transformers and ResNets of usual widths, a result then has the same bits in
 * every batch; very narrow ones can differ in the last bits, because the memory layout follows from the sizes.
 */
export const predictionBatchSizes = [2, 4, 8, 16, 32];

/** An encoder for predictions. @param forward see `BatchEncoder` */
export const predictionEncoder = <Shared extends readonly Tensor[] = []>(
  model: Module,
  forward: (batch: Tensor, ...shared: Shared) => Tensor,
): BatchEncoder<Shared> => new BatchEncoder(model, predictionBatchSizes, forward);

const towerEncoders = new WeakMap<ImageTower, BatchEncoder>();

/** The encoder of an image tower, u8 [N, S, S, 3] to features. A tower has one, so that it is compiled once. */
export function towerEncoder(model: Module, tower: ImageTower): BatchEncoder {
  const known = towerEncoders.get(tower);
  if (known !== undefined) return known;
  const encoder = predictionEncoder(model, (images) => tower.forward(preprocess(images)));
  towerEncoders.set(tower, encoder);
  return encoder;
}

/** What turns texts into features: see `TextHalf`. */
export interface TextEncoding {
  readonly contextLength: number;
  toIds(texts: readonly string[]): Int32Array;
  forward(ids: Tensor): Tensor;
}

const textEncoders = new WeakMap<TextEncoding, BatchEncoder>();

/** The encoder of texts as ids, i32 [N, L] to features. Each has one, so that it is compiled once. */
function textEncoder(model: Module, text: TextEncoding): BatchEncoder {
  const known = textEncoders.get(text);
  if (known !== undefined) return known;
  const encoder = predictionEncoder(model, (ids) => text.forward(ids));
  textEncoders.set(text, encoder);
  return encoder;
}

/** Frees what the encoders of a tower and of texts have compiled. */
export function disposeEncoders(tower: ImageTower | undefined, text: TextEncoding | undefined): void {
  if (tower !== undefined) towerEncoders.get(tower)?.dispose();
  if (text !== undefined) textEncoders.get(text)?.dispose();
}

/** Features of texts, row-major [N, E], not normalized. */
export const encodeTexts = (model: Module, text: TextEncoding, texts: readonly string[]): Promise<Float32Array> =>
  textEncoder(model, text).encode(text.toIds(texts), [text.contextLength]);
