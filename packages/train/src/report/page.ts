/** The frame of a page: title, highlights, styles, scripts. The page is one file and loads nothing. */
import { Html, html } from './html.ts';
import { logo } from './logo.ts';
import type { Highlight } from './section.ts';
import { styles } from './styles.ts';

/** Forbids the page to use the network. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";

/** The parts of a page. */
export interface Page {
  /** What kind of page it is, above its title. */
  readonly kind: string;
  readonly title: string;
  readonly subtitle?: string;
  readonly highlights: readonly Highlight[];
  /** Styles besides those of all pages; they come first. */
  readonly styles: Html | null;
  readonly content: Html;
  /** What can be done with the page. */
  readonly footer: string;
  readonly scripts: Html;
}

/** A page as one self-contained HTML document. */
export function renderPage({
  kind,
  title,
  subtitle,
  highlights,
  styles: more,
  content,
  footer,
  scripts,
}: Page): string {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<title>${title} · Tessera</title>
<style>${more ?? false}${new Html(styles)}</style>
</head>
<body>
<header>
  <div class="mark">${logo('var(--accent)')} Tessera ${kind}</div>
  <h1>${title}</h1>
  ${subtitle !== undefined && html`<p class="subtitle">${subtitle}</p>`}
  <div class="tiles">${highlights.map(
    ({ label, value, note }) =>
      html`<div class="card tile"><div class="label">${label}</div><div class="value">${value}</div><div class="note">${note}</div></div>`,
  )}</div>
</header>
<main>
  ${content}
</main>
<footer>${footer} This page is one file and loads nothing from the network.</footer>
${scripts}
</body>
</html>
`;
  return page.text;
}
