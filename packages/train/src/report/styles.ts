/** The report's style sheet: system fonts, one column on phones, light or dark as in the reader's system. */
export const styles = `
:root {
  color-scheme: light dark;
  --page: #f6f6f3; --card: #ffffff; --ink: #1d1f23; --muted: #676c74; --line: #e4e4df;
  --accent: #2b5fc7; --right: #177a4b; --right-soft: #e3f3ea; --wrong: #b3432b; --plate: #ffffff;
  --series-1: #2b5fc7; --series-2: #c9622b; --series-3: #17845a; --series-4: #8a4fbf; --series-5: #b38a12; --series-6: #c23f73;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #131417; --card: #1b1d21; --ink: #e9e9e6; --muted: #9ca1a9; --line: #2e3137;
    --accent: #82aaff; --right: #63d19a; --right-soft: #1c3529; --wrong: #f0937a; --plate: #f4f4f1;
    --series-1: #82aaff; --series-2: #f5a26f; --series-3: #63d19a; --series-4: #c49bf0; --series-5: #e3c252; --series-6: #f289b0;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif; }
main, header, footer { max-width: 1080px; margin: 0 auto; padding: 0 20px; }
header { padding-top: 40px; }
h1 { font-size: 30px; line-height: 1.2; letter-spacing: -0.02em; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 20px; letter-spacing: -0.01em; margin: 44px 0 14px; }
h3 { font-size: 15px; margin: 0; }
p { margin: 0; }
.subtitle { color: var(--muted); margin-top: 6px; font-size: 16px; }
.note { color: var(--muted); font-size: 13.5px; }
.mark { display: flex; align-items: center; gap: 8px; color: var(--muted); font-size: 13px; letter-spacing: 0.02em; margin-bottom: 14px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 18px; min-width: 0; }
.stack { display: grid; gap: 14px; grid-template-columns: minmax(0, 1fr); }
.grid { display: grid; gap: 14px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 320px), 1fr)); }
.tiles { display: grid; gap: 14px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 190px), 1fr)); margin-top: 24px; }
.tile .label { color: var(--muted); font-size: 13px; }
.tile .value { font-size: 28px; font-weight: 650; letter-spacing: -0.02em; line-height: 1.25; font-variant-numeric: tabular-nums; }
.facts { display: grid; gap: 10px 24px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 150px), 1fr)); margin: 0; }
.facts dt { color: var(--muted); font-size: 12.5px; }
.facts dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.pair { display: grid; gap: 14px 28px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 340px), 1fr)); margin-top: 12px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; font-size: 13.5px; padding-bottom: 4px; }
th { font-weight: 500; color: var(--muted); font-size: 12.5px; text-align: right; padding: 4px 8px; }
td { text-align: right; padding: 5px 8px; border-top: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
tbody th { font-size: inherit; border-top: 1px solid var(--line); white-space: nowrap; }
caption .note { font-weight: 400; }
.recall { table-layout: fixed; min-width: 320px; }
.recall th:first-child { width: 31%; }
.names th:nth-child(2), .names td:nth-child(2) { text-align: left; }
.names td { white-space: normal; }
.side-by-side { display: grid; gap: 14px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); align-items: start; }
tr.model td { font-weight: 650; }
tr.model th { color: var(--ink); font-weight: 650; }
tr.baseline td { color: var(--muted); }
.bar { display: block; height: 3px; border-radius: 2px; background: var(--line); margin-top: 2px; overflow: hidden; }
.bar i { display: block; height: 100%; background: var(--accent); }
tr.baseline .bar i { background: var(--muted); }
.chart h3 { margin-bottom: 2px; }
.chart-box { min-height: 170px; }
.key { display: flex; flex-wrap: wrap; gap: 0 14px; font-size: 12.5px; color: var(--muted); font-variant-numeric: tabular-nums; margin-bottom: 4px; min-height: 20px; }
.key i { display: inline-block; width: 9px; height: 9px; border-radius: 3px; margin-right: 5px; }
.key b { color: var(--ink); font-weight: 600; }
.key span:last-child { margin-left: auto; }
.charts { display: grid; gap: 14px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 400px), 1fr)); }
.u-select { background: color-mix(in srgb, var(--accent) 14%, transparent) !important; }
.u-cursor-x { border-color: var(--muted) !important; }
.plate { background: var(--plate); border: 1px solid var(--line); border-radius: 8px; padding: 4px; display: block; }
.image-query { display: grid; grid-template-columns: 84px minmax(0, 1fr); gap: 14px; align-items: start; }
.image-query > .plate { width: 84px; height: 84px; object-fit: contain; }
.wanted { font-size: 13px; color: var(--muted); margin-bottom: 6px; overflow-wrap: anywhere; }
ol.answers { list-style: none; margin: 0; padding: 0; font-size: 14px; }
ol.answers li { display: flex; gap: 8px; justify-content: space-between; padding: 1px 6px; border-radius: 5px; }
ol.answers li span:first-child { overflow-wrap: anywhere; min-width: 0; }
ol.answers li.right { background: var(--right-soft); color: var(--right); font-weight: 600; }
.score { color: var(--muted); font-variant-numeric: tabular-nums; font-weight: 400; flex: none; font-size: 13px; }
.text-query q { font-weight: 600; quotes: '“' '”'; overflow-wrap: anywhere; }
.pictures { display: grid; grid-template-columns: repeat(5, minmax(0, 1fr)); gap: 8px; margin-top: 10px; }
figure { margin: 0; min-width: 0; }
figure .plate { width: 100%; aspect-ratio: 1; object-fit: contain; }
figure.right .plate { border: 2px solid var(--right); padding: 3px; box-shadow: 0 0 0 2px var(--right-soft); }
.embedding svg { display: block; width: 100%; border: 1px solid var(--line); border-radius: 8px; touch-action: pan-y; }
.embedding .image-dot { background: var(--series-1); }
.embedding .text-dot { background: var(--series-2); }
.embedding .key { display: grid; grid-template-columns: auto auto minmax(0, 1fr); margin-top: 8px; }
.embedding .key .pointed { color: var(--ink); margin: 0; text-align: right; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.embedding circle { stroke: var(--card); stroke-width: 0.8; }
.embedding .images { fill: var(--series-1); }
.embedding .texts { fill: var(--series-2); }
.embedding .ties, .embedding .tie { fill: none; stroke: var(--muted); stroke-width: 0.7; opacity: 0.28; }
.embedding .tie { stroke: var(--ink); stroke-width: 1.4; opacity: 1; }
.embedding.pointing circle:not(.on) { opacity: 0.3; }
.embedding.pointing .ties { opacity: 0.08; }
.embedding circle.on { stroke: var(--ink); stroke-width: 1.6; }
figcaption { font-size: 11.5px; line-height: 1.3; color: var(--muted); margin-top: 4px; overflow-wrap: anywhere; }
figure.right figcaption { color: var(--right); font-weight: 600; }
.examples { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 190px), 1fr)); gap: 14px; margin-top: 10px; }
.examples figure .plate { aspect-ratio: auto; image-rendering: pixelated; }
.histograms { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 300px), 1fr)); gap: 16px 20px; margin-top: 14px; }
.histogram { display: grid; grid-template-columns: 1fr 1fr; gap: 4px 8px; min-width: 0; }
.histogram h3 { grid-column: 1 / -1; font-size: 12.5px; font-weight: 600; overflow-wrap: anywhere; }
.histogram .plate { height: 64px; aspect-ratio: auto; object-fit: fill; image-rendering: pixelated; padding: 0; border-radius: 4px; }
.mistakes { display: grid; grid-template-columns: repeat(auto-fill, minmax(92px, 1fr)); gap: 12px; margin-top: 10px; }
.confusion td, .confusion th { text-align: center; padding: 0; border: 0; font-size: 12px; }
.confusion { border-spacing: 2px; border-collapse: separate; width: auto; }
.confusion td { min-width: 38px; height: 34px; border-radius: 4px; background: color-mix(in oklab, var(--hue) var(--heat), var(--card)); }
.confusion td.strong { color: var(--card); }
.confusion tbody th { text-align: right; padding-right: 8px; }
.confusion thead th { vertical-align: bottom; padding: 8px 0 6px; height: 96px; max-width: 38px; }
.confusion thead th span { writing-mode: vertical-rl; transform: rotate(180deg); white-space: nowrap; max-height: 110px; overflow: hidden; text-overflow: ellipsis; }
.heat-map { display: block; margin-top: 12px; width: min(100%, 640px); aspect-ratio: 1; background: color-mix(in oklab, var(--line) 40%, var(--card)); border-radius: 6px; }
details { margin-top: 14px; }
summary { cursor: pointer; color: var(--accent); font-size: 14px; }
pre { overflow-x: auto; font: 12.5px/1.5 ui-monospace, 'SF Mono', Menlo, Consolas, monospace; margin: 12px 0 0; }
footer { color: var(--muted); font-size: 13px; padding-top: 32px; padding-bottom: 48px; }
@media (max-width: 520px) {
  header { padding-top: 24px; }
  h1 { font-size: 24px; }
  .card { padding: 14px; }
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .tile .value { font-size: 22px; }
  td, th { padding-left: 5px; padding-right: 5px; }
  td { font-size: 13px; letter-spacing: -0.01em; }
}
.results-only header, .results-only footer, .results-only .details { display: none; }
.results-only main { max-width: none; padding: 0 0 20px; }
.results-only section:first-child h2 { margin-top: 10px; }
@media print { body { background: #fff; } .card { break-inside: avoid; } }
`;
