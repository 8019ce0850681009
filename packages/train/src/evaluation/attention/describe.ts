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
  /** The texts that were looked for. */
  readonly texts: readonly string[];
}

/** What of an image's attention is shown, as sections of a sheet. @throws where there is no such layer, head or rollout */
export function attentionSections(attention: ImageAttention, choice: AttentionChoice): SheetSection[] {
  const { layers, rollout, texts } = attention;
  if (choice.rollout && rollout === null)
    throw new RangeError('there is no rollout: the model has one layer of attention, its pool');
  const whole: SheetSection = {
    title: 'Through the whole model',
    panels: [
      { label: 'image, as the model sees it' },
      ...(choice.rollout && rollout !== null ? [{ label: 'rollout', note: noteOf(rollout), map: rollout }] : []),
      ...texts.map(({ similarity, map }, k) => ({
        label: `“${choice.texts[k]}”`,
        note: `cosine ${similarity.toFixed(2)}`,
        map,
      })),
    ],
  };
  const chosen = choice.layers.map((layer) => {
    const place = layer < 0 ? layer + layers.length : layer;
    if (!Number.isInteger(layer) || !(place in layers))
      throw new RangeError(`there is no layer ${layer}: the model has ${numbered(layers.length)}`);
    return place;
  });
  const sections = [...new Set(chosen)].map((layer): SheetSection => {
    const heads = layers[layer];
    const { head } = choice;
    if (typeof head === 'number' && !(head in heads))
      throw new RangeError(`there is no head ${head}: layer ${layer} has ${numbered(heads.length)}`);
    const mean = { label: 'mean of heads', map: meanMap(heads) };
    const single = heads.map((map, k) => ({ label: `head ${k}`, map }));
    const panels = head === 'mean' ? [mean] : head === 'all' ? [mean, ...single] : [single[head]];
    return {
      title: `Layer ${layer}${layers.length > 1 ? ` of ${numbered(layers.length)}` : ''}: what the ${subjects[attention.readout]}`,
      panels: panels.map(({ label, map }) => ({ label, note: noteOf(map), map })),
    };
  });
  return [whole, ...sections];
}

const subjects = {
  'class token': 'class token sees',
  patches: 'patches see on average',
  'pooling query': 'pooling query sees',
} satisfies Record<ImageAttention['readout'], string>;

const numbered = (count: number): string => (count === 1 ? '0 alone' : `0 to ${count - 1}`);

/** How much of the attention lies on patches at all, and how much more than the mean the patch has that gets most. */
function noteOf({ values }: PatchMap): string {
  const total = values.reduce((sum, value) => sum + value, 0);
  const peak = total > 0 ? (Math.max(...values) * values.length) / total : 1;
  return `${percent(total)} on patches, peak ${peak.toFixed(1)}×`;
}
