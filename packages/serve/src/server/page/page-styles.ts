/** The page's style sheet, after that of reports. */
export const pageStyles = `
main a, footer a { color: var(--accent); }
.mark { color: var(--accent); }
.subtitle { max-width: 70ch; }
footer { padding-top: 40px; padding-bottom: 40px; color: var(--muted); font-size: 13.5px; }
.panels { display: grid; gap: 14px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); align-items: start; }
.try { display: grid; gap: 10px; grid-template-columns: minmax(0, 1fr); }
.try label:not(.drop) { color: var(--muted); font-size: 13px; margin-bottom: -6px; }
input:not([type=file]), textarea { width: 100%; font: inherit; color: inherit; background: var(--page); border: 1px solid var(--line); border-radius: 8px; padding: 8px 10px; resize: vertical; }
input:focus-visible, textarea:focus-visible, button:focus-visible, pre:focus-visible, .drop:focus-within { outline: 2px solid var(--accent); outline-offset: 1px; }
::placeholder { color: var(--muted); opacity: 0.65; }
.drop { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; justify-content: center; min-height: 92px; padding: 12px; border: 1.5px dashed var(--line); border-radius: 10px; cursor: pointer; color: var(--muted); font-size: 13.5px; text-align: center; }
.drop:hover, .drop.over { border-color: var(--accent); color: var(--accent); }
.drop input { position: absolute; width: 1px; height: 1px; opacity: 0; }
.drop.full .hint { display: none; }
.drop:not(.full) .previews { display: none; }
.previews { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; justify-content: center; }
.previews img { height: 64px; max-width: 120px; object-fit: contain; border-radius: 6px; background: var(--plate); }
.actions { display: flex; gap: 12px; align-items: center; }
button { font: inherit; font-weight: 600; color: #fff; background: var(--accent); border: 0; border-radius: 8px; padding: 8px 16px; cursor: pointer; }
button:hover { filter: brightness(1.08); }
button:disabled { opacity: 0.6; cursor: default; }
@media (prefers-color-scheme: dark) { button { color: #10131a; } }
.status { color: var(--muted); font-size: 13.5px; overflow-wrap: anywhere; }
.status.wrong { color: var(--wrong); }
.result { display: grid; gap: 12px; grid-template-columns: minmax(0, 1fr); }
.result:empty { display: none; }
.answer { display: grid; gap: 14px; grid-template-columns: 72px minmax(0, 1fr); align-items: start; }
.answer img { width: 72px; height: 72px; object-fit: contain; border-radius: 8px; background: var(--plate); border: 1px solid var(--line); }
.probabilities { display: grid; gap: 5px; }
.probability { display: grid; grid-template-columns: minmax(0, 5fr) minmax(0, 6fr) 56px; gap: 10px; align-items: center; font-size: 14px; }
.probability .name, .vector .name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.probability b { display: block; height: 8px; border-radius: 4px; background: var(--line); overflow: hidden; }
.probability i { display: block; height: 100%; border-radius: 4px; background: var(--accent); }
.probability .number { text-align: right; color: var(--muted); font-variant-numeric: tabular-nums; }
.said { font-size: 16px; }
.answer img.drawn { width: 100%; height: auto; max-width: 640px; }
.found { display: grid; gap: 10px; grid-template-columns: repeat(auto-fill, minmax(84px, 1fr)); }
.found figure { margin: 0; text-align: center; }
.found img { width: 100%; aspect-ratio: 1; object-fit: contain; border-radius: 8px; background: var(--plate); border: 1px solid var(--line); }
.vector { display: grid; grid-template-columns: minmax(0, 2fr) minmax(0, 3fr); gap: 10px; font-size: 13.5px; }
.vector code { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; color: var(--muted); }
.cosines td { text-align: center; padding: 4px 8px; border-radius: 4px; }
.cosines th { text-align: center; }
.cosines th.left { text-align: left; max-width: 180px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
h2 + .note { margin: -6px 0 14px; }
.example { display: grid; gap: 10px; grid-template-columns: minmax(0, 1fr); }
.code { position: relative; }
pre { margin: 0; overflow-x: auto; font: 13px/1.55 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; background: var(--page); border: 1px solid var(--line); border-radius: 8px; padding: 10px 76px 10px 12px; }
.copy { position: absolute; top: 7px; right: 7px; padding: 3px 10px; font-size: 12.5px; color: var(--muted); background: var(--card); border: 1px solid var(--line); }
.steps { margin: 8px 0 0; padding-left: 22px; }
.facts { margin-top: 8px; }
.classes { display: flex; flex-wrap: wrap; gap: 6px; margin-top: 10px; }
.classes span { padding: 2px 9px; border: 1px solid var(--line); border-radius: 999px; font-size: 13.5px; }
summary { cursor: pointer; font-weight: 600; }
`;
