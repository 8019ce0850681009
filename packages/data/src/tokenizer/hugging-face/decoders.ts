/** The decoders of the `tokenizers` library: how tokens become text again. */
import { byteOfAlphabet } from '../words.ts';
import { type Builders, buildPart, type JsonPart } from './json-part.ts';
import { patternOf } from './pattern.ts';

export type Decode = (tokens: readonly string[]) => readonly string[];

const utf8 = new TextEncoder();
const textOf = (bytes: readonly number[]): string =>
  new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytes));

/** The bytes of a token in GPT-2's alphabet; a token with other characters is text. */
function bytesOf(token: string): number[] {
  const bytes = Array.from(token, byteOfAlphabet);
  return bytes.every((byte) => byte !== undefined) ? (bytes as number[]) : [...utf8.encode(token)];
}

/** Joins tokens such as `<0xC3>` to the characters that they encode; each byte that is not valid becomes U+FFFD. */
function joinBytes(tokens: readonly string[]): string[] {
  const out: string[] = [];
  let bytes: number[] = [];
  const flush = (): void => {
    if (bytes.length === 0) return;
    try {
      out.push(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes)));
    } catch {
      for (const _ of bytes) out.push('\ufffd');
    }
    bytes = [];
  };
  for (const token of tokens) {
    const [, byte] = /^<0x([0-9A-Fa-f]{2})>$/.exec(token) ?? [];
    if (byte !== undefined) bytes.push(Number.parseInt(byte, 16));
    else {
      flush();
      out.push(token);
    }
  }
  flush();
  return out;
}

/** Removes up to `limit` of a character from the start of a text. */
function stripStart(text: string, character: string, limit: number): string {
  let begin = 0;
  for (let k = 0; k < limit && text.startsWith(character, begin); k++) begin += character.length;
  return text.slice(begin);
}

function stripEnd(text: string, character: string, limit: number): string {
  let end = text.length;
  for (let k = 0; k < limit && end > 0 && text.endsWith(character, end); k++) end -= character.length;
  return text.slice(0, end);
}

const builders: Builders<Decode> = {
  ByteLevel: () => (tokens) => [textOf(tokens.flatMap(bytesOf))],
  ByteFallback: () => joinBytes,
  Fuse: () => (tokens) => [tokens.join('')],
  Replace: (part) => {
    const [pattern, content] = [patternOf(part), part.string('content')];
    return (tokens) => tokens.map((token) => token.replace(pattern, () => content));
  },
  Strip: (part) => {
    const [character, start, stop] = [part.string('content'), part.index('start'), part.index('stop')];
    if (character === '') part.fail('content', 'a character');
    return (tokens) => tokens.map((token) => stripEnd(stripStart(token, character, start), character, stop));
  },
  Metaspace: (part) => {
    const replacement = part.string('replacement');
    const prepends = part.value('prepend_scheme') !== 'never' && part.flag('add_prefix_space', true);
    return (tokens) => tokens.map((token, k) => token.replaceAll(replacement, k === 0 && prepends ? '' : ' '));
  },
  BPEDecoder: (part) => {
    const suffix = part.optionalString('suffix') ?? '</w>';
    return (tokens) => tokens.map((token, k) => token.replaceAll(suffix, k === tokens.length - 1 ? '' : ' '));
  },
  Sequence: (part) => {
    const steps = part.parts('decoders').map(decoderOf);
    return (tokens) => steps.reduce((value, step) => step(value), tokens);
  },
};

/** @throws where its type is not supported */
export const decoderOf = (part: JsonPart): Decode => buildPart(part, builders);
