/**
 * Recognizes text that was decoded in a wrong encoding by neighbors that hardly ever occur in real text, such as an accented small
 * letter before a currency sign. The characters and the rules are those of ftfy 6 (`ftfy.badness`, Apache License 2.0).
 */
import { WHITE_SPACE } from './white-space.ts';

/** The characters that occur in misread UTF-8, by how they are used in real text; in the syntax of a character class. */
const groups = {
  /** Frequent in real text. */
  common: '\\xa0\\xad·´–—―…’',
  /** The control characters U+0080 to U+009F, which nobody writes. */
  control: '\\x80-\\x9f',
  /** Hardly ever written on purpose. */
  rare: '¦¤¨¬¯¸ƒˆˇ˘˛˜†‡‰⌐◊\\ufffdªº',
  legal: '¶§',
  currency: '¢£¥₧€',
  opening: '¡«¿©΄΅‘‚“„•‹\\uf8ff',
  closing: '®»˝”›™',
  numeric: '²³¹±¼½¾×µ÷⁄∂∆∏∑√∞∩∫≈≠≡≤≥№',
  /** Parts of faces drawn with letters, which therefore have unusual neighbors. */
  face: 'Ò-ÖÙ-Üò-öø-üŐŌŪŲ°',
  upper: 'À-ÑØÜÝĂĀĄĆČĎĐĘĚĒĖĞĢİĪĶĹĽŁĻŃŇŅŒŘŚŞŠŢŤŮŰŸŹŻŽҐ',
  lower: 'ßà-ñăąāćčďđęěēėğģįīķĺľłļœŕśşšťüźżžґﬁﬂ',
  /** Greek and Cyrillic letters, and Þ. */
  foreignUpper: 'ÞΑ-ΩΆΈΉΊΌΎΏΪΫЁ-Я',
  foreignLower: 'α-ωάέήίΰа-џ',
  /** Lines and blocks that frame text in a terminal. */
  box: '│┌┐┘├┤┬┼═-╬▀▄█▌▐░▒▓',
} as const;

type Group = keyof typeof groups;

const charactersOf = (...names: readonly Group[]): string => names.map((name) => groups[name]).join('');
const oneOf = (...names: readonly Group[]): string => `[${charactersOf(...names)}]`;

const letters: readonly Group[] = ['lower', 'upper'];
const telling: readonly Group[] = [...letters, 'box', 'opening', 'closing', 'currency', 'numeric', 'legal'];

/** Neighbors by their groups. */
const rulesOfGroups: readonly string[] = [
  oneOf('control'),
  oneOf('rare', ...telling) + oneOf('rare'),
  oneOf('rare') + oneOf(...telling),
  `[a-zA-Z]${oneOf('foreignLower', 'foreignUpper')}${oneOf('rare')}`,
  oneOf('lower', 'foreignLower', 'box', 'closing', 'currency', 'numeric') + oneOf('upper'),
  oneOf('box', 'closing', 'currency', 'numeric') + oneOf('lower'),
  oneOf('lower', 'box', 'closing') + oneOf('currency'),
  `[${WHITE_SPACE}]${oneOf('upper')}${oneOf('currency')}`,
  oneOf('upper', 'box') + oneOf('numeric', 'legal'),
  oneOf(...letters, 'box', 'currency', 'closing') + oneOf('opening') + oneOf('numeric'),
  oneOf(...letters, 'currency', 'numeric', 'box', 'legal') + oneOf('closing') + oneOf('opening'),
  oneOf('currency', 'numeric', 'box') + oneOf('opening'),
  `[a-z]${oneOf('upper')}${oneOf('opening', 'currency')}`,
  oneOf('box') + oneOf('face', 'closing'),
  oneOf(...letters, 'currency', 'numeric', 'opening', 'closing', 'legal') + oneOf('box'),
  `${oneOf(...letters)}${oneOf('opening', 'closing')}[\\p{L}\\p{N}_]`,
  `${oneOf('upper')}°`,
  '[Œœ][^A-Za-z]',
];

const withArabicLead = `[ØÙ][${charactersOf('common', 'currency', 'rare', 'numeric', 'opening')}ŸŠ®°µ»]`;
const unlikelyAfterLead = charactersOf('control', 'rare', 'opening', 'closing', 'currency');

/** Sequences that each encoding makes of frequent characters, where the groups do not cover them. */
const rulesOfEncodings: readonly string[] = [
  // windows-1252: Latin letters and punctuation, superscripts, Arabic (two letters, for certainty), scripts of South Asia
  `[ÂÃÎÐ][€œŠš¢£Ÿž\\xa0\\xad®©°·»${charactersOf('opening', 'closing')}–—´]`,
  '×[²³]',
  withArabicLead.repeat(2),
  'à[²µ¹¼½¾]',
  // windows-1252: "à", "á" and the no-break space, also where its second byte became an ordinary space
  'Ã[\\xa0¡]',
  `[a-z][${WHITE_SPACE}]?[ÃÂ] `,
  '^[ÃÂ] ',
  `[a-z.,?!${charactersOf('closing')}]Â[ ${charactersOf('opening', 'closing')}]`,
  // macintosh
  '√[±∂†≠®™´≤≥¥µø]',
  '≈[°¢]',
  '‚Ä[ìîïòôúùû†°¢π]',
  '‚[âó][àäê°]',
  // windows-1251: punctuation, Cyrillic letters, and five letters that result from two misreadings
  'вЂ',
  `[ВГРС][${unlikelyAfterLead}°µ][ВГРС]`,
  'ГўВЂВ[^\\n][A-Za-z ]',
  // windows-1253: punctuation, Greek letters
  'β€[™\\xa0Ά\\xad®°]',
  `[ΒΓΞΟ][${unlikelyAfterLead}°][ΒΓΞΟ]`,
  // windows-1257: punctuation
  'ā€',
];

const SIGNS = new RegExp([...rulesOfGroups, ...rulesOfEncodings].join('|'), 'u');

/** Whether a text contains a sequence of characters that is very likely the result of decoding in a wrong encoding. */
export const looksMisread = (text: string): boolean => SIGNS.test(text);
