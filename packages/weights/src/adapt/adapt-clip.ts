/** Weights of a CLIP model for one with another image size, context length, vocabulary or loss. */
import type { CLIP } from '@tessera/models';
import type { StateDict } from '@tessera/nn';
import { adaptImageTower } from './adapt-tower.ts';
import { type Adapted, cutOrExtended } from './positions.ts';

const tower = 'visual.';

/** The number, as in a message. */
const shown = (value: number): string => String(Number(value.toPrecision(4)));

/**
 * Fits the weights of a CLIP model to another one:
 *
 * - positions of patches are interpolated, those of tokens cut or extended
 * - a vocabulary of another size starts from random values
 * - a model with SigLIP's loss starts with its own scale and bias, if the file's model has no bias; without a bias here, the file's is left out
 *
 * What does not fit otherwise is left as it is, so that loading it is an error.
 */
export async function adaptClip(given: StateDict, model: CLIP): Promise<Adapted> {
  const within = new Map(
    [...given].flatMap(([name, value]) => (name.startsWith(tower) ? [[name.slice(tower.length), value] as const] : [])),
  );
  const image = adaptImageTower(within, model.visual);
  const state = new Map([...given].filter(([name]) => !name.startsWith(tower)));
  for (const [name, value] of image.state) state.set(tower + name, value);
  const notes = image.notes.map((note) => `visual: ${note}`);

  const positions = state.get('positional_embedding');
  const text =
    positions === undefined ? null : cutOrExtended('positional_embedding', positions, model.text.positional_embedding);
  if (text !== null) {
    state.set('positional_embedding', text.positions);
    notes.push(text.note);
  }

  const own = model.text.token_embedding.weight;
  const [tokens] = state.get('token_embedding.weight')?.shape ?? [];
  if (tokens !== undefined && tokens !== own.shape[0]) {
    state.set('token_embedding.weight', own.detach());
    notes.push(
      `token_embedding: starts from random values, because the file's vocabulary has ${tokens} tokens and the run's ${own.shape[0]}`,
    );
  }

  const bias = model.logit_bias;
  if (bias !== null && !state.has('logit_bias')) {
    state.set('logit_bias', bias.detach());
    state.set('logit_scale', model.logit_scale.detach());
    const [scale, start] = [await model.logit_scale.item(), await bias.item()];
    notes.push(
      `logit_scale and logit_bias: start at ${shown(scale)} and ${shown(start)}, because the file's model was trained with CLIP's loss, without a bias`,
    );
  } else if (bias === null && state.delete('logit_bias'))
    notes.push("logit_bias: left out, because CLIP's loss has none");
  return { state, notes };
}
