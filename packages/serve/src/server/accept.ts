/** Which of some media types a client prefers: the header Accept (RFC 9110, section 12.5.1). */

interface Range {
  readonly type: string;
  readonly quality: number;
}

const rangesOf = (accept: string): Range[] =>
  accept.split(',').map((part) => {
    const [type = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
    const quality = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
    return { type, quality: quality === undefined ? 1 : Number(quality) || 0 };
  });

/** How exactly a range names a type: 3 as it is, 2 by its kind, 1 any, 0 not at all. */
function fit({ type: range }: Range, type: string): number {
  if (range === type) return 3;
  if (range === `${type.split('/')[0]}/*`) return 2;
  return range === '*/*' ? 1 : 0;
}

/** The type with the highest quality, of equal ones the first; null where none is accepted. @param accept undefined: all are */
export function preferredType<Type extends string>(accept: string | undefined, types: readonly Type[]): Type | null {
  if (accept === undefined || accept.trim() === '') return types[0] ?? null;
  const ranges = rangesOf(accept);
  let best: { readonly type: Type; readonly quality: number } | null = null;
  for (const type of types) {
    const [range] = ranges.filter((one) => fit(one, type) > 0).sort((a, b) => fit(b, type) - fit(a, type));
    if (range !== undefined && range.quality > (best?.quality ?? 0)) best = { type, quality: range.quality };
  }
  return best?.type ?? null;
}
