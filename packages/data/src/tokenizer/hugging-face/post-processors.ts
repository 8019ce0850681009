/** The post-processors of the `tokenizers` library: which special tokens are put around a text's ids. */
import { type Builders, buildPart, type JsonPart } from './json-part.ts';

/** The ids before and after those of a text. */
export interface Frame {
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** What is put after a text is left out where the text ends with it. */
  readonly once?: boolean;
}

const noFrame: Frame = { before: [], after: [] };

/** A token as `["</s>", 1]`. */
function tokenId(part: JsonPart, key: string): number {
  const [, id] = part.list(key);
  return typeof id === 'number' && Number.isSafeInteger(id) && id >= 0 ? id : part.fail(key, '[token, id]');
}

const aroundText = (part: JsonPart): Frame => ({ before: [tokenId(part, 'cls')], after: [tokenId(part, 'sep')] });

function template(part: JsonPart): Frame {
  const before: number[] = [];
  const after: number[] = [];
  let found = false;
  for (const piece of part.parts('single')) {
    const sequence = piece.optionalPart('Sequence');
    if (sequence !== null) {
      if (found || sequence.string('id') !== 'A') part.fail('single', 'the sequence A once');
      found = true;
      continue;
    }
    const token = part.part('special_tokens').part(piece.part('SpecialToken').string('id'));
    for (const id of token.list('ids')) {
      if (typeof id !== 'number' || !Number.isSafeInteger(id) || id < 0) return token.fail('ids', 'a list of ids');
      (found ? after : before).push(id);
    }
  }
  if (!found) part.fail('single', 'the sequence A once');
  return { before, after };
}

const builders: Builders<Frame> = {
  TemplateProcessing: template,
  RobertaProcessing: aroundText,
  BertProcessing: aroundText,
  // Changes offsets, which are not kept.
  ByteLevel: () => noFrame,
  Sequence: (part) =>
    part
      .parts('processors')
      .map(frameOf)
      .reduce(
        (inner, outer) => ({
          before: [...outer.before, ...inner.before],
          after: [...inner.after, ...outer.after],
        }),
        noFrame,
      ),
};

/** @throws where its type is not supported */
export const frameOf = (part: JsonPart): Frame => buildPart(part, builders);
