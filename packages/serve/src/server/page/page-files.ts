/** The files of the page. */
import type { Limits } from '../limits.ts';
import type { ModelCard } from '../schemas.ts';

export interface PageFile {
  readonly type: string;
  readonly content: string;
}

export const pageFiles = (_card: ModelCard, _limits: Limits, _hasToken: boolean): ReadonlyMap<string, PageFile> =>
  new Map([['/', { type: 'text/html; charset=utf-8', content: '<title>page</title>' }]]);
