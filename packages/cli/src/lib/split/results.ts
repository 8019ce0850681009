/** The output of the back half, as lines of JSON. */
import type { SplitModel } from '@tessera/split';

/** One line of JSON per image. Numbers are exact. */
export function formatResults(output: SplitModel['output'], ids: readonly string[], values: Float32Array): string {
  const size = values.length / ids.length;
  return ids
    .map((id, k) => {
      const row = values.subarray(k * size, (k + 1) * size);
      return `${JSON.stringify(output === 'logits' ? { id, ...classOf(row) } : { id, embedding: [...row] })}\n`;
    })
    .join('');
}

/** The most likely class, and its probability (softmax). */
function classOf(logits: Float32Array): { class: number; probability: number; logits: number[] } {
  const largest = logits.reduce((a, b) => Math.max(a, b));
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - largest), 0);
  return { class: logits.indexOf(largest), probability: 1 / sum, logits: [...logits] };
}
