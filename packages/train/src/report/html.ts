/** HTML of pages: templates with escaped values, and JSON in scripts. */
import { Html, html } from '@tessera/tensor/display';

export { Html, html };

/** A value as JSON for a script element, escaped so that no text in it can end the element. */
export const jsonForScript = (value: unknown): Html => new Html(JSON.stringify(value).replaceAll('<', '\\u003c'));
