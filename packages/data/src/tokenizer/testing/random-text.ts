/** Random texts for tests of tokenizers: pieces of many scripts, emoji, marks, control characters, special tokens and long words. */
import { CounterRandom, purpose } from '../../random.ts';

/** Blocks of Unicode whose characters are the same in all versions that the libraries know. */
const blocks: readonly (readonly [number, number])[] = [
  [0x20, 0x7e],
  [0x20, 0x7e],
  [0, 0x1f],
  [0x7f, 0x24f],
  [0x250, 0x2af],
  [0x300, 0x36f],
  [0x3a3, 0x3ff],
  [0x400, 0x4ff],
  [0x5d0, 0x5ea],
  [0x620, 0x6ff],
  [0x905, 0x94d],
  [0xe01, 0xe3a],
  [0x1100, 0x11ff],
  [0x1e00, 0x1eff],
  [0x2000, 0x206f],
  [0x2100, 0x218b],
  [0x2460, 0x24ff],
  [0x2581, 0x2581],
  [0x2600, 0x27bf],
  [0x3000, 0x303f],
  [0x3041, 0x3096],
  [0x30a0, 0x30ff],
  [0x4e00, 0x4fff],
  [0xac00, 0xacff],
  [0xf900, 0xfa2d],
  [0xfb00, 0xfb06],
  [0xfe00, 0xfe0f],
  [0xff00, 0xffef],
  [0xfff9, 0xffff],
  [0x10400, 0x1049d],
  [0x1d400, 0x1d7ff],
  [0x1f1e6, 0x1f1ff],
  [0x1f300, 0x1f64f],
  [0x1f3fb, 0x1f3ff],
  [0x20000, 0x2a6d6],
  [0xe0020, 0xe007f],
];

const pieces: readonly string[] = [
  ...[
    'a photo of a cat',
    'The Quick brown',
    "don't",
    "they'll",
    '日本語',
    '猫',
    'café',
    'a_b',
    'x/y',
    '<b>',
    '...',
    '!!!',
  ],
  ...['</s>', '<unk>', '<pad>', '<eos>', '<bos>', '<mask>', '<unused1>', '<|startoftext|>', '<|endoftext|>', '<0x41>'],
  ...[
    ' ',
    '  ',
    '\n',
    '\n\n',
    '\t',
    '\r\n',
    '▁',
    '▁▁▁',
    '\u00a0',
    '\u2028',
    '\u0085',
    '\u200b',
    '\ufeff',
    '\u200d',
    '\u0000',
  ],
  ...[
    '👩‍👩‍👧',
    '👍🏽',
    '🇩🇪🇫🇷',
    '👩‍🚀',
    'e\u0301',
    'カ\u3099',
    'ｶﾞ',
    'ﬁ',
    'ﬀ',
    '½',
    '™',
    '①',
    'ΣΑΣ Σ',
    'İstanbul',
    'ẞ',
    'ǅ',
    'Ⅷ',
  ],
  ...[
    '\u0345',
    '\u00ad',
    'क्षि',
    'ก็',
    '\u1100\u1161\u11a8',
    '각',
    '\ufdfa',
    'ſ',
    'K',
    'Å',
    '\u0f73',
    'supercalifragilistic',
  ],
];

/** The text number `k` of a seed. */
export function randomText(seed: number, k: number): string {
  const random = new CounterRandom(seed, purpose.search, 1, k);
  let text = '';
  for (let parts = random.below(random.below(50) === 0 ? 60 : 8); parts > 0; parts--) {
    if (random.below(2) === 0) text += pieces[random.below(pieces.length)];
    else {
      const [first, last] = blocks[random.below(blocks.length)] as readonly [number, number];
      for (let length = 1 + random.below(5); length > 0; length--)
        text += String.fromCodePoint(first + random.below(last - first + 1));
    }
    if (random.below(3) === 0) text += ' ';
    if (random.below(30) === 0) text += String.fromCharCode(97 + random.below(26)).repeat(random.below(60));
  }
  return text;
}
