/** The files that the page loads. */
import { styles } from '@tessera/train/report';
import { pageScript } from './page-script.ts';
import { pageStyles } from './page-styles.ts';

interface PageFile {
  readonly type: string;
  readonly content: string;
}

export const pageFiles: ReadonlyMap<string, PageFile> = new Map([
  ['/page.css', { type: 'text/css; charset=utf-8', content: `${styles}${pageStyles}` }],
  ['/page.js', { type: 'text/javascript; charset=utf-8', content: `(${pageScript})();\n` }],
]);
