/**
 * A script of the report's page: it draws the charts with uPlot. Colors come from the style sheet, so the charts follow the reader's
 * choice of light or dark.
 */
export const pageScript = String.raw`
(() => {
  const charts = JSON.parse(document.getElementById('charts').textContent);
  const palette = ['--series-1', '--series-2', '--series-3', '--series-4', '--series-5', '--series-6'];
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const digits = (value, count) => String(Number(value.toPrecision(count)));
  const formats = {
    number: (v) => (Math.abs(v) >= 1000 ? Math.round(v).toLocaleString('en') : digits(v, 4)),
    percent: (v) => digits(100 * v, 3) + '\u202f%',
    bytes: (v) => (v >= 2 ** 30 ? digits(v / 2 ** 30, 3) + '\u202fGiB' : digits(v / 2 ** 20, 3) + '\u202fMiB'),
    scientific: (v) => (v === 0 ? '0' : Math.abs(v) < 0.01 ? v.toExponential(1).replace(/\.0e/, 'e') : digits(v, 3)),
  };
  const step = (v) => (Number.isInteger(v) ? v.toLocaleString('en') : digits(v, 3));
  // How places on the x-axis are written.
  const places = { step, epoch: step, 'learning rate': formats.scientific };

  const powers = (from, to) => Array.from({ length: to - from }, (_, k) => [1, 2, 5].map((digit) => digit * 10 ** (from + k))).flat();
  // Distances of ticks. Ticks between whole epochs appear only where a chart shows less than two epochs.
  const increments = (chart) => {
    const isShort = chart.xLabel === 'epoch' && chart.x.length > 1 && chart.x.at(-1) - chart.x[0] < 2;
    return isShort ? [0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5, ...powers(0, 9)] : powers(0, 9);
  };
  const placesAround = (lo, hi) => (lo == null ? [0, 1] : lo === hi ? [Math.max(0, lo - 1), lo + 1] : [lo, hi]);
  const valuesAround = (lo, hi, format) => {
    if (lo == null) return [0, 1];
    const most = format === 'percent' && hi <= 1 ? 1 : Infinity;
    const least = lo >= 0 ? 0 : -Infinity;
    const room = lo === hi ? Math.abs(lo) / 2 || 0.5 : (hi - lo) * 0.08;
    return [Math.max(least, lo - room), Math.min(most, hi + room)];
  };

  const element = (name, text, style) => Object.assign(document.createElement(name), { textContent: text ?? '', style: style ?? '' });

  // Shows the values under the pointer, or the last ones if there is no pointer.
  function keyOf(chart, colors, box) {
    const format = formats[chart.format];
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
        values[i].textContent = s.y[at] == null ? '–' : format(s.y[at]);
      }
      place.textContent = chart.xLabel + ' ' + places[chart.xLabel](chart.x[index ?? last]);
    };
  }

  function draw(chart, box) {
    const format = formats[chart.format];
    const axis = { stroke: color('--muted'), grid: { stroke: color('--line'), width: 1 }, ticks: { show: false }, font: '11px system-ui, sans-serif' };
    let bright = 0;
    const colors = chart.series.map((s) => {
      const base = color(palette[s.pale ? 0 : bright++ % palette.length]);
      return s.pale ? base + '50' : base;
    });
    const showValues = keyOf(chart, colors, box.previousElementSibling);
    const points = { show: chart.x.length === 1 || chart.xLabel === 'epoch', size: 5 };
    const series = chart.series.map((s, i) => ({
      stroke: colors[i],
      width: s.pale ? 1 : 2,
      points: { ...points, fill: colors[i] },
    }));
    const logarithmic = chart.xLabel === 'learning rate';
    const drawMark = (u) => {
      if (chart.mark === undefined) return;
      const { ctx, bbox } = u;
      const at = Math.round(u.valToPos(chart.mark.x, 'x', true));
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
      ctx.fillText(chart.mark.label, at + (right ? -5 : 5) * devicePixelRatio, bbox.top + 12 * devicePixelRatio);
      ctx.restore();
    };
    const size = () => ({ width: box.clientWidth, height: Math.round(Math.min(230, Math.max(170, box.clientWidth * 0.5))) });
    const plot = new uPlot(
      {
        ...size(),
        padding: [8, 18, 0, 0],
        legend: { show: false },
        cursor: { sync: { key: chart.xLabel }, y: false, points: { size: 6 } },
        hooks: { setCursor: [(u) => showValues(u.cursor.left >= 0 ? u.cursor.idx : null)], draw: [drawMark] },
        scales: {
          x: logarithmic
            ? { time: false, distr: 3 }
            : { time: false, range: (_, lo, hi) => (chart.x.length === 1 ? placesAround(chart.x[0], chart.x[0]) : placesAround(lo, hi)) },
          // A single value has room above and below it, and no share is drawn beyond 100 %.
          y: { range: (_, lo, hi) => valuesAround(lo, hi, chart.format) },
        },
        axes: [
          {
            ...axis,
            values: (_, ticks) => ticks.map((v) => (v == null ? v : places[chart.xLabel](v))),
            size: 24,
            gap: 4,
            // Steps and epochs are counted in whole numbers, unless evaluations are closer to each other.
            ...(logarithmic ? {} : { incrs: increments(chart) }),
          },
          { ...axis, values: (_, ticks) => ticks.map(format), size: 46, gap: 4 },
        ],
        series: [{}, ...series],
      },
      [chart.x, ...chart.series.map((s) => s.y)],
      box,
    );
    showValues(null);
    return { plot, resize: () => plot.setSize(size()) };
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
