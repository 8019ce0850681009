// The emoji dataset: counts of the card, held-out concepts and styles, captions, and a small build.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openDataset } from '@tessera/data';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { frequentTags } from './attributes.ts';
import { wordsOf } from './captions.ts';
import { conceptOf, isHeldOut, splitNames } from './concepts.ts';
import { type EmojiIndex, loadEmojibase, slug } from './emojibase.ts';
import { attributesOf, buildEmoji, type PlannedRow, planEmoji } from './index.ts';
import { heldOutStyles, styleNames } from './styles.ts';

let root: string;
let index: EmojiIndex;
let plan: PlannedRow[];
beforeAll(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'tessera-emoji-'));
  index = loadEmojibase();
  plan = planEmoji(index);
});
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

/** The numbers in the tables of the card, by the text of the first column. */
function cardTable(): Map<string, number[]> {
  const card = fs.readFileSync(new URL('./README.md', import.meta.url), 'utf8');
  const rows = card.split('\n').filter((line) => line.startsWith('| '));
  return new Map(
    rows.map((line) => {
      const [name = '', ...cells] = line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim());
      return [name, cells.filter((cell) => /^[\d,]+$/.test(cell)).map((cell) => Number(cell.replaceAll(',', '')))];
    }),
  );
}

describe('the plan', () => {
  test("matches the card's counts", () => {
    const card = cardTable();
    for (const split of splitNames) {
      const rows = plan.filter((row) => row.split === split);
      expect([rows.length, new Set(rows.map(({ concept }) => concept)).size], split).toEqual(card.get(split));
    }
    for (const style of styleNames) {
      const rows = plan.filter((row) => row.drawing.style === style && row.split !== 'test_concept_seen_words');
      expect([rows.length], style).toEqual(card.get(style));
    }
  });

  test('held-out concepts and styles do not occur in training', () => {
    const of = (split: string): PlannedRow[] => plan.filter((row) => row.split === split);
    const concepts = (split: string): Set<number> => new Set(of(split).map(({ concept }) => concept));
    const styles = (split: string): Set<string> => new Set(of(split).map(({ drawing }) => drawing.style));
    const trained = concepts('train');
    expect([...concepts('test_concept'), ...concepts('test_both')].filter((concept) => trained.has(concept))).toEqual(
      [],
    );
    expect([...concepts('test_style')].filter((concept) => !trained.has(concept))).toEqual([]);
    for (const split of ['test_style', 'test_both']) expect(styles(split)).toEqual(new Set(heldOutStyles));
    for (const split of ['train', 'test_concept']) expect(styles(split).size).toBe(7);
    const words = new Set(of('train').flatMap(({ captions }) => captions.flatMap(wordsOf)));
    for (const { captions } of of('test_concept_seen_words')) {
      expect(wordsOf(captions[0] ?? '').filter((word) => !words.has(word))).toEqual([]);
    }
  });

  test('no skin tones, flags or components, and one drawing per concept and style', () => {
    const seen = new Set<string>();
    for (const { split, drawing, concept } of plan) {
      expect(drawing.emoji.label).not.toMatch(/skin tone|^flag: /);
      expect(['component', 'flags']).not.toContain(index.groups[drawing.emoji.group ?? -1]);
      if (split === 'test_concept_seen_words') continue;
      const key = `${drawing.style}/${concept}`;
      expect(seen.has(key), key).toBe(false);
      seen.add(key);
    }
  });

  test('variants are one concept', () => {
    const concept = (label: string): string => {
      const emoji = index.byLabel.get(slug(label));
      if (!emoji) throw new Error(`no emoji "${label}"`);
      return conceptOf(emoji);
    };
    const same = [
      ['person running', 'man running', 'woman running: facing right'],
      ['artist', 'man artist', 'woman artist'],
      ['person', 'man', 'woman'],
      ['Santa Claus', 'Mrs. Claus', 'Mx Claus'],
      ['couple with heart', 'couple with heart: woman, man', 'couple with heart: man, man'],
      ['kiss', 'kiss: woman, woman'],
      ['family: man, woman, boy', 'family: woman, girl'],
      ['people holding hands', 'men holding hands'],
    ];
    for (const labels of same) expect(new Set(labels.map(concept)).size, labels.join(', ')).toBe(1);
    const firsts = same.map(([label]) => concept(label ?? ''));
    expect(new Set([...firsts, concept('cat'), concept('cat face'), concept('person walking')]).size).toBe(
      firsts.length + 3,
    );
  });

  test('about 15 % of the concepts are held out', () => {
    const concepts = new Set(plan.map(({ drawing }) => drawing.concept));
    const share = [...concepts].filter(isHeldOut).length / concepts.size;
    expect(Math.abs(share - 0.15)).toBeLessThan(0.02);
  });

  test('captions: the label first, all different, none empty, without names of styles', () => {
    for (const { drawing, captions } of plan) {
      expect(captions[0]).toBe(drawing.emoji.label.replace(/: /g, ', ').replace(/[“”]/g, '"'));
      expect(captions.length).toBeGreaterThanOrEqual(3);
      expect(new Set(captions).size).toBe(captions.length);
      for (const caption of captions) {
        expect(caption.trim()).not.toBe('');
        expect(caption).not.toMatch(/noto|twemoji|openmoji|fluent|emojione|high-contrast/i);
      }
    }
    const cat = plan.filter(({ drawing }) => drawing.emoji.label === 'cat face');
    expect(new Set(cat.map(({ captions }) => captions.join('|'))).size).toBeGreaterThan(5);
  });
});

describe('attributes', () => {
  test('a tag is a class if 15 concepts have it, in any number of styles', () => {
    const rows = (concepts: number, tag: string) =>
      Array.from({ length: 2 * concepts }, (_, i) => ({ concept: i % concepts, tags: [tag, 'all'] }));
    expect(frequentTags([...rows(15, 'b'), ...rows(14, 'c'), ...rows(16, 'a')])).toEqual(['a', 'all', 'b']);
  });

  test("match the card's number, and do not depend on held-out rows", () => {
    const names = attributesOf(plan);
    expect(names).toEqual([...new Set(names)].sort());
    expect(names).toContain('animal');
    const card = fs.readFileSync(new URL('./README.md', import.meta.url), 'utf8');
    expect(card).toContain(`are the ${names.length} tags`);
    expect(attributesOf(plan.filter(({ split }) => split === 'train'))).toEqual(names);
  });
});

test('a small build: every split, and images that are not blank', async () => {
  const some = splitNames.flatMap((split) => plan.filter((row) => row.split === split).filter((_, i) => i % 400 === 7));
  const target = path.join(root, 'emoji');
  const reported: number[] = [];
  const report = await buildEmoji(target, { plan: some, onProgress: ({ done }) => reported.push(done) });
  expect(Object.values(report.splits).reduce((a, b) => a + b)).toBe(some.length);
  expect(reported.at(-1)).toBe(some.length);
  using dataset = await openDataset(target);
  expect(Object.keys(dataset.splits)).toEqual([...splitNames]);
  expect(dataset.info.license).toContain('CC-BY-SA-4.0');
  const names = attributesOf(plan);
  for (const split of Object.values(dataset.splits)) {
    expect(split.length).toBeGreaterThan(0);
    for await (const row of split) {
      const attributes = (row.attributes as number[]).map((number) => names[number]);
      expect(attributes).toEqual((row.tags as string[]).filter((tag) => names.includes(tag)));
      const { bytes } = row.image as { bytes: Uint8Array };
      const { width, height, channels } = await sharp(bytes).metadata();
      expect({ width, height, channels }).toEqual({ width: 72, height: 72, channels: 3 });
      const { channels: stats } = await sharp(bytes).stats();
      expect(Math.max(...stats.map(({ stdev }) => stdev)), String(row.label)).toBeGreaterThan(5);
    }
  }
});
