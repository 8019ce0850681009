/** Reading of Pascal VOC's XML files: the objects of one image. */
import { errorMessage } from '@tessera/data/io';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import type { PixelSize } from '../prepare-image.ts';
import { type Box, checkBox } from './objects.ts';

interface VocObject {
  readonly name: string;
  readonly box: Box;
  readonly difficult: boolean;
  readonly truncated: boolean;
  readonly occluded: boolean;
  readonly pose: string;
}

export interface VocScene {
  /** As the file says; undefined where it does not. */
  readonly size: PixelSize | undefined;
  readonly objects: readonly VocObject[];
  /** Objects that are not used or were changed: their numbers, from 0, and why. */
  readonly problems: readonly { readonly object: number; readonly reason: string }[];
}

/** Elements as strings and objects. */
type Element = Readonly<Record<string, unknown>>;

// Texts stay texts, since the name of a class may be a number.
const parser = new XMLParser({ ignoreAttributes: true, parseTagValue: false, isArray: (name) => name === 'object' });

const isElement = (value: unknown): value is Element => typeof value === 'object' && value !== null;
const childOf = (value: unknown, name: string): unknown => (isElement(value) ? value[name] : undefined);
const textOf = (value: unknown): string => (typeof value === 'string' ? value.trim() : '');
const numberOf = (value: unknown): number => (textOf(value) === '' ? Number.NaN : Number(textOf(value)));
const isSet = (value: unknown): boolean => ['1', 'true'].includes(textOf(value).toLowerCase());

/**
 * The box of an object. VOC counts pixels from 1, and the last ones belong to the box (development kit, section 3.4), so a box begins half a
 * pixel before the center of its first pixel.
 */
function boxOf(value: unknown): number[] {
  const [left = 0, top = 0, right = 0, bottom = 0] = ['xmin', 'ymin', 'xmax', 'ymax'].map((side) =>
    numberOf(childOf(value, side)),
  );
  return [left - 1, top - 1, right - left + 1, bottom - top + 1];
}

/** @throws for a text that is not XML, or has no `annotation` */
export function parseVocFile(text: string): VocScene {
  const valid = XMLValidator.validate(text);
  if (valid !== true) throw new Error(`is not XML (line ${valid.err.line}: ${valid.err.msg})`);
  let annotation: unknown;
  try {
    annotation = childOf(parser.parse(text), 'annotation');
  } catch (error) {
    throw new Error(`is not XML (${errorMessage(error)})`);
  }
  if (!isElement(annotation)) throw new Error('has no element <annotation>');
  const [width, height] = ['width', 'height'].map((side) => numberOf(childOf(childOf(annotation, 'size'), side)));
  // Some tools write 0.
  const size = Number(width) > 0 && Number(height) > 0 ? { width: Number(width), height: Number(height) } : undefined;
  const objects: VocObject[] = [];
  const problems: { object: number; reason: string }[] = [];
  for (const [number, value] of ((annotation.object ?? []) as unknown[]).entries()) {
    const name = textOf(childOf(value, 'name'));
    const { box, problem } = checkBox(boxOf(childOf(value, 'bndbox')), size);
    if (name === '') problems.push({ object: number, reason: 'has no name' });
    else if (problem !== null) problems.push({ object: number, reason: problem });
    if (name === '' || box === null) continue;
    const flag = (own: string): boolean => isSet(childOf(value, own));
    objects.push({
      name,
      box,
      difficult: flag('difficult'),
      truncated: flag('truncated'),
      occluded: flag('occluded'),
      pose: textOf(childOf(value, 'pose')),
    });
  }
  return { size, objects, problems };
}
