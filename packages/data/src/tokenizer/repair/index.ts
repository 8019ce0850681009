/** Repair of text from the web: a re-implementation of `fix_text` of ftfy 6 with its default settings (Apache License 2.0). */
import { replaceUnusualCharacters } from './characters.ts';
import { decodeClosedEntities } from './entities.ts';
import { repairControls, repairMisread } from './misread.ts';

/** Most captions are printable ASCII without entities, in which there is nothing to repair. */
const IN_ORDER = /^[ !"#$%'-~]*$/;

/** The greatest number of code points that are repaired together. */
const MAX_SEGMENT = 1_000_000;

/** Where the first `count` code points from `start` on end; the end of the text if it has fewer. */
function endOfCodePoints(text: string, start: number, count: number): number {
  let end = start;
  for (let i = 0; i < count && end < text.length; i++) end += (text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1;
  return end;
}

/** The lines of a text with their line breaks, in parts of at most `MAX_SEGMENT` code points. */
function* segmentsOf(text: string): Generator<string> {
  for (let start = 0; start < text.length; ) {
    const lineBreak = text.indexOf('\n', start);
    let end = lineBreak < 0 ? text.length : lineBreak + 1;
    if (end - start > MAX_SEGMENT) end = Math.min(end, endOfCodePoints(text, start, MAX_SEGMENT));
    yield text.slice(start, end);
    start = end;
  }
}

/** Applies all repairs until nothing changes: an entity can hide a misread character, a misread character a ligature. */
function repairSegment(segment: string, decodesEntities: boolean): string {
  for (let current = segment; ; ) {
    const decoded = decodesEntities ? decodeClosedEntities(current) : current;
    const next = replaceUnusualCharacters(repairControls(repairMisread(decoded)));
    if (next === current) return next;
    current = next;
  }
}

/**
 * Repairs text from the web, as CLIP's tokenizer does with ftfy's `fix_text`: HTML entities in text without "<", UTF-8 that was decoded
 * in another encoding, ligatures, full-width forms, curly quotes, line breaks, lone surrogates and control characters; then it
 * normalizes to NFC. Each line is repaired by itself; after the first "<", entities stay in all lines.
 */
export function repairText(text: string): string {
  if (IN_ORDER.test(text)) return text;
  let repaired = '';
  let decodesEntities = true;
  for (const segment of segmentsOf(text)) {
    decodesEntities &&= !segment.includes('<');
    repaired += repairSegment(segment, decodesEntities);
  }
  return repaired;
}
