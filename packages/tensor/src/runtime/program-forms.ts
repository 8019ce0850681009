/** The intermediate forms of a program as text, for `explain()` of compiled functions and the environment variable TESSERA_DEBUG. */

import type { Backend, Executable } from '../kernel/backend.ts';

/** In the order in which they are made; `canonical` is the graph as the scheduler sees it. */
export const programForms = ['graph', 'canonical', 'kernels', 'plan', 'code'] as const;

export type ProgramForm = (typeof programForms)[number];

/** How long each stage of making a program took, in milliseconds. */
export interface ProgramTimes {
  /** Running the function once or twice, and computing values that it needs and that were not computed yet. */
  readonly recording: number;
  readonly scheduling: number;
  readonly planning: number;
  /** The backend's generation of code. */
  readonly generating: number;
  /** The engine's own compiler, if it runs at once and reports its time. */
  readonly compiling: number;
}

/** Is told of each form of a program as soon as it is made. `text` is called only where the text is wanted: it may be long. */
export type FormListener = (form: ProgramForm | 'times', text: () => string) => void;

/** One listener of two that may be missing. */
export function joinListeners(a: FormListener | null, b: FormListener | null): FormListener | null {
  if (a === null || b === null) return a ?? b;
  return (form, text) => {
    a(form, text);
    b(form, text);
  };
}

/** Every intermediate form of a program, as text. */
export interface Explanation extends Readonly<Record<ProgramForm, string>> {
  readonly times: ProgramTimes;
  /** All forms and the times, with headings. */
  toString(): string;
}

export const formatTimes = (times: Partial<ProgramTimes>): string =>
  Object.entries(times)
    .map(([stage, milliseconds]) => `${stage} ${milliseconds.toFixed(2)} ms`)
    .join(', ');

/** The generated code, each piece with its size. */
export function formatCode({ name }: Backend, executable: Executable): string {
  const pieces = executable.code?.() ?? [];
  if (pieces.length === 0) return `backend '${name}' generates no code`;
  return pieces.map((piece) => `${piece.name}: ${piece.language}, ${piece.bytes} bytes\n${piece.text}`).join('\n');
}

const section = (title: string, text: string): string => `== ${title} ==\n${text}\n`;

/** Puts the forms into one object, which prints as a whole. */
export function explanation(textOf: (form: ProgramForm) => string, times: ProgramTimes): Explanation {
  const texts = {
    graph: textOf('graph'),
    canonical: textOf('canonical'),
    kernels: textOf('kernels'),
    plan: textOf('plan'),
    code: textOf('code'),
  } satisfies Record<ProgramForm, string>;
  const sections = [...programForms.map((form) => section(form, texts[form])), section('times', formatTimes(times))];
  return Object.defineProperty({ ...texts, times }, 'toString', { value: () => sections.join('\n') });
}

const isForm = (word: string): word is ProgramForm => (programForms as readonly string[]).includes(word);

/** The forms that TESSERA_DEBUG names. @throws RangeError for an unknown word */
export function parseDebugForms(text: string): ReadonlySet<ProgramForm> {
  const words = text.split(',').flatMap((word) => word.trim() || []);
  if (words.includes('all')) return new Set(programForms);
  return new Set(
    words.map((word) => {
      if (isForm(word)) return word;
      throw new RangeError(
        `TESSERA_DEBUG: unknown word '${word}'; the known words are ${programForms.join(', ')}, all`,
      );
    }),
  );
}

let printedPrograms = 0;

/**
 * A listener that prints the forms named by TESSERA_DEBUG, and the times, to stderr; null if it names none. The variable is read for each
 * program, so that it can be changed at run time. Browsers have no environment.
 */
export function debugListener(program: string, backend: Backend): FormListener | null {
  const text = typeof process === 'undefined' ? undefined : process.env?.TESSERA_DEBUG;
  if (text === undefined || text === '') return null;
  const forms = parseDebugForms(text);
  if (forms.size === 0) return null;
  const title = `program ${printedPrograms++}, ${program}, on ${backend.name}`;
  return (form, makeText) => {
    if (form === 'times' || forms.has(form)) console.error(section(`${title}: ${form}`, makeText()));
  };
}
