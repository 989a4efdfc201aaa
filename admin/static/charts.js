// Draws each figure.chart as bars, from the rows of its own table.
const drawn = [];

function draw(figure) {
  const rows = [...figure.querySelectorAll("tr[data-at]")];
  const words = rows.map((row) => row.cells[0].textContent);
  const values = rows.map((row) => Number(row.dataset.value));
  const plot = figure.querySelector(".plot");
  const ink = getComputedStyle(figure);
  const colour = (name) => ink.getPropertyValue(name).trim();
  const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
  const axis = { stroke: colour("--faint"), font: "12px system-ui, sans-serif", ticks: { show: false } };
  const size = () => ({ width: plot.clientWidth, height: 190 });
  const chart = new uPlot(
    {
      ...size(),
      padding: [8, 18, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: { x: { time: false, range: [-0.6, rows.length - 0.4] }, y: { range: (_, low, high) => [0, high > 0 ? high * 1.08 : 1] } },
      axes: [
        { ...axis, size: 26, grid: { show: false }, splits: () => marks(rows.length, plot.clientWidth), values: (_, splits) => splits.map((at) => words[at]?.replace(/^\w+ (\d+ \w+)$/, "$1") ?? "") },
        { ...axis, size: 44, grid: { stroke: colour("--line"), width: 1 }, values: (_, splits) => splits.map((split) => short.format(split)) },
      ],
      series: [{}, { fill: colour("--accent"), stroke: colour("--accent"), width: 0, paths: uPlot.paths.bars({ size: [0.72, 40], radius: 0.15 }), points: { show: false } }],
      hooks: {
        setCursor: [(u) => { const row = rows[u.cursor.idx]; plot.title = row ? `${words[u.cursor.idx]}: ${row.cells[1].textContent.trim()}` : ""; }],
      },
    },
    [rows.map((_, index) => index), values],
    plot,
  );
  drawn.push(chart);
  new ResizeObserver(() => { if (plot.clientWidth !== chart.width) chart.setSize(size()); }).observe(plot);
}

// As many marks as have room, the last day always among them.
function marks(count, width) {
  const step = Math.max(1, Math.ceil(count / Math.max(2, Math.floor((width - 50) / 62))));
  const found = [];
  for (let at = count - 1; at >= 0; at -= step) found.unshift(at);
  return found;
}

function all() {
  for (const chart of drawn.splice(0)) chart.destroy();
  document.querySelectorAll("figure.chart").forEach(draw);
}

all();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", all);
