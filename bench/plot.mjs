// Line charts as SVG, readable on light and on dark pages, by themselves and as images.
const WIDTH = 640;
const HEIGHT = 300;
const LEFT = 64;
const RIGHT = 28;
const TOP = 56;
const BOTTOM = 52;
const STEPS = 4;

const STYLE = `
    text { font: 13px system-ui, sans-serif; fill: #24292f }
    .title { font-size: 15px; font-weight: 600 }
    .page { fill: #ffffff } .grid { stroke: #d0d7de } .line { fill: none; stroke-width: 2 }
    .s0 { stroke: #0969da; fill: #0969da } .s1 { stroke: #bc4c00; fill: #bc4c00 } .line { fill: none }
    text.s0, text.s1 { stroke: none }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 } .page { fill: #0d1117 } .grid { stroke: #30363d }
      .s0 { stroke: #58a6ff; fill: #58a6ff } .s1 { stroke: #f0883e; fill: #f0883e } .line { fill: none }
    }`;

const escape = (text) =>
  String(text).replace(/[&<>"]/g, (sign) => `&#${String(sign.charCodeAt(0))};`);

/** The least of 1, 2, 2.5, 5, 10 times a power of ten that is not below `value`. */
export function roundUp(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].map((times) => times * power).find((one) => one >= value * 0.999999);
}

/** A figure in few characters: 1200000 is `1.2 M`. */
export function short(value) {
  if (value >= 1e6) return `${trim(value / 1e6)} M`;
  return value >= 1e4 ? `${trim(value / 1e3)} k` : trim(value);
}
const trim = (value) => String(Number(value.toPrecision(3)));

/**
 * One chart. Steps of `x` are as far apart as each other, so that powers of ten make it logarithmic; `y` begins at zero.
 *
 * @param chart.series at most two, each with as many values as there are steps
 * @returns the text of an SVG file
 */
export function plot({ title, xLabel, yLabel, x, series }) {
  const values = series.flatMap((one) => one.values);
  if (series.length === 0 || series.length > 2) throw new TypeError('one series or two');
  if (series.some((one) => one.values.length !== x.length) || !values.every(Number.isFinite))
    throw new TypeError('a value for each step');
  const top = roundUp(Math.max(...values) / STEPS) * STEPS;
  const xOf = (n) => LEFT + 24 + (n * (WIDTH - LEFT - RIGHT - 48)) / Math.max(1, x.length - 1);
  const yOf = (value) => HEIGHT - BOTTOM - (Math.max(0, value) / top) * (HEIGHT - TOP - BOTTOM);
  const at = (px, py) => `${px.toFixed(1)},${py.toFixed(1)}`;
  const text = (px, py, said, more = '') =>
    `<text x="${px.toFixed(1)}" y="${py.toFixed(1)}" ${more}>${escape(said)}</text>`;

  const isHighest = (value, n) => series.every((one) => one.values[n] <= value);
  const grid = Array.from({ length: STEPS + 1 }, (_, n) => (top / STEPS) * n).flatMap((value) => [
    `<path class="grid" d="M${at(LEFT, yOf(value))} H${String(WIDTH - RIGHT)}"/>`,
    text(LEFT - 8, yOf(value) + 4, short(value), 'text-anchor="end"'),
  ]);
  const steps = x.map((step, n) =>
    text(xOf(n), HEIGHT - BOTTOM + 20, short(step), 'text-anchor="middle"'),
  );
  const lines = series.flatMap((one, number) => [
    `<path class="line s${number}" d="M${one.values.map((value, n) => at(xOf(n), yOf(value))).join(' L')}"/>`,
    ...one.values.flatMap((value, n) => [
      `<circle class="s${number}" cx="${xOf(n).toFixed(1)}" cy="${yOf(value).toFixed(1)}" r="3.5"><title>${escape(`${one.name}, ${short(x[n])}: ${short(value)}`)}</title></circle>`,
      text(
        xOf(n),
        yOf(value) + (isHighest(value, n) ? -10 : 20),
        short(value),
        `class="s${number}" text-anchor="middle"`,
      ),
    ]),
    text(WIDTH - RIGHT, 22 + number * 18, one.name, `class="s${number}" text-anchor="end"`),
  ]);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="${escape(title)}">
  <style>${STYLE}
  </style>
  <rect class="page" width="${WIDTH}" height="${HEIGHT}" rx="6"/>
  ${[
    text(16, 22, title, 'class="title"'),
    text(16, 42, yLabel),
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, xLabel, 'text-anchor="middle"'),
    ...grid,
    ...steps,
    ...lines,
  ].join('\n  ')}
</svg>
`;
}
