/**
 * A script of the report's page: it draws the charts with uPlot and the functions of `chart/`, as the dashboard does. Colors come from the
 * style sheet, so the charts follow the reader's choice of light or dark.
 */
import { chartFormats, chartPlots, chartScales, seriesDrawing } from './chart/index.ts';

/** The functions that the page shares with the dashboard, as text. */
const shared = Object.entries({ chartFormats, chartScales, seriesDrawing, chartPlots })
  .map(([name, make]) => `const ${name} = ${make};`)
  .join('\n');

export const pageScript = `
(() => {
  ${shared}
  const formats = chartFormats();
  const scales = chartScales();
  const { viewOf, dataOf, plotOptions } = chartPlots(formats, scales, seriesDrawing());
  const { formatValue } = formats;

  const charts = JSON.parse(document.getElementById('charts').textContent);
  const palette = ['--series-1', '--series-2', '--series-3', '--series-4', '--series-5', '--series-6'];
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const step = (v) => (Number.isInteger(v) ? v.toLocaleString('en') : String(Number(v.toPrecision(3))));
  // How places on the x-axis are written.
  const places = { step, epoch: step, 'learning rate': (v) => formatValue(v, 'scientific', 2) };
  // The parts of the x-axes that the reader has zoomed in on.
  const ranges = {};

  const element = (name, text, style) => Object.assign(document.createElement(name), { textContent: text ?? '', style: style ?? '' });

  // Shows the values under the pointer, or the last ones if there is no pointer.
  function keyOf(chart, colors, box) {
    const values = chart.series.map(() => element('b'));
    const place = element('span');
    const items = chart.series.map((s, i) => {
      const item = element('span');
      item.append(element('i', '', 'background:' + colors[i]), s.label + ' ', values[i]);
      return item;
    });
    box.replaceChildren(...items, place);
    return (index) => {
      const last = chart.x.length - 1;
      for (const [i, s] of chart.series.entries()) {
        let at = index ?? last;
        while (index == null && at > 0 && s.y[at] == null) at--;
        values[i].textContent = formatValue(s.y[at], chart.format);
      }
      place.textContent = chart.xLabel + ' ' + places[chart.xLabel](chart.x[index ?? last]);
    };
  }

  // The curves to draw: raw values are drawn pale behind the smoothed ones, in their color.
  function curvesOf(chart, colors) {
    const raw = chart.series.find((s) => s.pale);
    return chart.series.flatMap((s, i) =>
      s.pale && chart.series.length > 1
        ? []
        : [{ id: s.label, label: s.label, color: colors[i], x: chart.x, y: s.y, raw: raw?.y ?? null, band: null, dash: [], hasDots: chart.xLabel === 'epoch' }],
    );
  }

  function mark(plot, { x, label }) {
    const { ctx, bbox } = plot;
    const at = Math.round(plot.valToPos(x, 'x', true));
    const right = at > bbox.left + bbox.width / 2;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = color('--muted');
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(at, bbox.top);
    ctx.lineTo(at, bbox.top + bbox.height);
    ctx.stroke();
    ctx.font = 11 * devicePixelRatio + 'px system-ui, sans-serif';
    ctx.textAlign = right ? 'right' : 'left';
    ctx.fillText(label, at + (right ? -5 : 5) * devicePixelRatio, bbox.top + 12 * devicePixelRatio);
    ctx.restore();
  }

  function draw(chart, box) {
    const { xLabel, format, x } = chart;
    let bright = 0;
    const colors = chart.series.map((s) => {
      const base = color(palette[s.pale ? 0 : bright++ % palette.length]);
      return s.pale ? base + '50' : base;
    });
    const series = curvesOf(chart, colors);
    const showValues = keyOf(chart, colors, box.previousElementSibling);
    const isLog = xLabel === 'learning rate';
    const show = () => viewOf({ series, format, isLog: false, range: ranges[xLabel] ?? null });
    let view = show();
    const size = () => ({ width: box.clientWidth, height: Math.round(Math.min(230, Math.max(170, box.clientWidth * 0.5))) });
    const options = plotOptions({
      ...size(),
      format,
      isLog: false,
      colors: { text: color('--muted'), grid: color('--line') },
      xAxis: { isLog, space: 60, increments: isLog ? null : scales.wholeIncrements, text: places[xLabel] },
      syncKey: xLabel,
      view: () => view,
      series: () => series,
      highlighted: () => null,
      onPoint: (plot) => {
        const { left = -1 } = plot.cursor;
        showValues(left >= 0 ? scales.nearest(x, plot.posToVal(left, 'x')) : null);
      },
      onRange: (range) => {
        ranges[xLabel] = range;
        for (const one of drawn) if (one.xLabel === xLabel) one.update();
      },
      drawOver: (plot) => chart.mark !== undefined && mark(plot, chart.mark),
    });
    const plot = new uPlot(options, dataOf(view), box);
    showValues(null);
    const update = () => {
      view = show();
      plot.setData(dataOf(view));
    };
    return { plot, xLabel, update, resize: () => plot.setSize(size()) };
  }

  let drawn = [];
  function drawAll() {
    for (const { plot } of drawn) plot.destroy();
    drawn = [...document.querySelectorAll('.chart-box')].map((box) => draw(charts[box.dataset.chart], box));
  }
  drawAll();
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll);
  let frame = 0;
  addEventListener('resize', () => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => drawn.forEach(({ resize }) => resize()));
  });
})();
`;
