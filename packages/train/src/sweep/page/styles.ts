/** The styles of the sweep's page, besides those of all pages. */
export const sweepStyles = `
.coordinates { display: block; max-width: none; font: 12px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif; }
.coordinates.narrow { display: none; }
.coordinates .line { fill: none; stroke-width: 1.8; cursor: pointer; stroke: color-mix(in oklab, var(--accent) var(--share), var(--worst)); }
.coordinates .best { stroke: var(--series-2); stroke-width: 3.2; }
.coordinates .axis line { stroke: var(--muted); stroke-width: 1.2; }
.coordinates .label { fill: var(--ink); font-weight: 600; }
.coordinates .tick { fill: var(--muted); font-size: 11px; paint-order: stroke; stroke: var(--card); stroke-width: 3px; stroke-linejoin: round; font-variant-numeric: tabular-nums; }
.coordinates .grip { fill: transparent; cursor: crosshair; touch-action: none; }
.coordinates .brush { fill: color-mix(in srgb, var(--accent) 30%, transparent); stroke: var(--accent); pointer-events: none; }
.coordinates .brush[height="0"] { display: none; }
.sweep { --worst: color-mix(in oklab, var(--muted) 40%, var(--card)); }
.sweep.pointing .line:not(.on) { opacity: 0.2; }
.sweep .line.on { stroke-width: 4; }
.sweep .line.out:not(.on), .sweep.pointing .line.out:not(.on) { opacity: 0.07; }
.sweep tr.out { opacity: 0.35; }
.sweep tbody tr.on td { background: color-mix(in srgb, var(--accent) 12%, transparent); }
.sweep tr.first td { font-weight: 650; }
.sweep .ramp { display: inline-block; width: 90px; height: 9px; border-radius: 3px; background: linear-gradient(90deg, var(--worst), var(--accent)); vertical-align: middle; margin: 0 6px; }
.sweep .key .swatch { background: var(--series-2); }
.sweep td.failed { color: var(--wrong); white-space: normal; text-align: left; }
.sweep .below { margin-top: 8px; }
.sweep td a { color: var(--accent); text-decoration: none; }
.sweep .names td:nth-child(2) { overflow-wrap: anywhere; }
@media (max-width: 760px) { .coordinates.wide { display: none; } .coordinates.narrow { display: block; } }
`;
