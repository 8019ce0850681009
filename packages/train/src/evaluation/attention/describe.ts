/** Chooses the parts of an image's attention that a sheet shows. */
import type { Pixels } from '@tessera/data';
import { percent } from '../../report/format.ts';
import type { ImageAttention } from './look.ts';
import { meanMap, type PatchMap } from './overlay.ts';
import type { SheetSection } from './sheet.ts';

export interface AttentionChoice {
  /** Numbers of layers, from 0; negative ones count from the end. */
  readonly layers: readonly number[];
  /** `all`: their mean and each of them. */
  readonly head: 'all' | 'mean' | number;
  readonly rollout: boolean;
  /** The texts whose relevance maps the attention contains. */
  readonly texts: readonly string[];
}

/**
 * The chosen maps of an image, as sections of a sheet. The maps are drawn over the sheet's image, which may be sharper than what the model
 * gets: that is shown too.
 *
 * @param seen the pixels that the model gets
 * @throws RangeError for a layer, head or rollout that does not exist
 */
export function attentionSections(attention: ImageAttention, choice: AttentionChoice, seen: Pixels): SheetSection[] {
  const { layers, rollout, texts } = attention;
  if (choice.rollout && rollout === null)
    throw new RangeError('a rollout needs several layers of attention: this model has only one, its pool');
  const whole: SheetSection = {
    title: 'Through the whole model',
    panels: [
      { label: 'image' },
      { label: 'what the model sees', note: `${seen.width} × ${seen.height} pixels`, image: seen },
      ...(choice.rollout && rollout !== null ? [{ label: 'rollout', note: noteOf(rollout), map: rollout }] : []),
      ...texts.map(({ similarity, map }, k) => ({
        label: `“${choice.texts[k]}”`,
        note: `cosine ${similarity.toFixed(2)}`,
        map,
      })),
    ],
  };
  // A layer that was chosen twice is shown once.
  const chosen = new Map(
    choice.layers.map((layer) => {
      const place = layer < 0 ? layer + layers.length : layer;
      const heads = layers[place];
      if (heads === undefined)
        throw new RangeError(`layer ${layer} does not exist: the model has ${numbered('layer', layers.length)}`);
      return [place, heads] as const;
    }),
  );
  const sections = [...chosen].map(
    ([layer, heads]): SheetSection => ({
      title: `Layer ${layer}${layers.length > 1 ? ` of 0 to ${layers.length - 1}` : ''}: what the ${subjects[attention.readout]}`,
      panels: chosenHeads(heads, choice.head, layer).map(({ label, map }) => ({ label, note: noteOf(map), map })),
    }),
  );
  return [whole, ...sections];
}

function chosenHeads(
  heads: readonly PatchMap[],
  head: AttentionChoice['head'],
  layer: number,
): { label: string; map: PatchMap }[] {
  const mean = { label: 'mean of heads', map: meanMap(heads) };
  if (head === 'mean') return [mean];
  if (head === 'all') return [mean, ...heads.map((map, k) => ({ label: `head ${k}`, map }))];
  const map = heads[head];
  if (map === undefined)
    throw new RangeError(`head ${head} does not exist: layer ${layer} has ${numbered('head', heads.length)}`);
  return [{ label: `head ${head}`, map }];
}

const subjects = {
  'class token': 'class token attends to',
  patches: 'patches attend to on average',
  'pooling query': 'pooling query attends to',
} satisfies Record<ImageAttention['readout'], string>;

const numbered = (what: string, count: number): string =>
  count === 1 ? `only ${what} 0` : `${what}s 0 to ${count - 1}`;

/** The share of the attention that goes to patches, and the ratio of the largest value of a patch to the mean. */
function noteOf({ values }: PatchMap): string {
  const total = values.reduce((sum, value) => sum + value, 0);
  const peak = total > 0 ? (Math.max(...values) * values.length) / total : 1;
  return `${percent(total)} on patches, peak ${peak.toFixed(1)}×`;
}
