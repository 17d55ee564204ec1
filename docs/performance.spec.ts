import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { failsOf, lastStep, MOST_PER_STEP } from '../bench/growth-steps.mjs';
import { plot, roundUp, short } from '../bench/plot.mjs';

const folder = fileURLToPath(new URL('performance', import.meta.url));
const page = readFileSync(`${folder}.md`, 'utf8');
const charts = existsSync(folder) ? readdirSync(folder) : [];

const chart = {
  title: 'Signing in & out',
  xLabel: 'users',
  yLabel: 'ms',
  x: [10_000, 1_000_000],
  series: [
    { name: 'login', values: [2, 4] },
    { name: 'refresh', values: [1, 1] },
  ],
};
/** Where the points of a chart are, in order. */
const pointsIn = (svg: string) =>
  [...svg.matchAll(/<circle class="(s\d)" cx="([\d.]+)" cy="([\d.]+)"/g)].map(
    ([, series, x, y]) => ({ series, x: Number(x), y: Number(y) }),
  );

it('a chart has a point for each value: more is higher, later is further right, zero is at the bottom', () => {
  const [login, more, refresh, same] = pointsIn(plot(chart));
  expect([login?.series, refresh?.series]).toEqual(['s0', 's1']);
  expect(more!.x).toBeGreaterThan(login!.x);
  expect(more!.y).toBeLessThan(login!.y);
  expect(same!.y).toBe(refresh!.y);
  const heights = [login!.y - more!.y, refresh!.y - login!.y];
  expect(heights[0]).toBeCloseTo(2 * heights[1]!, 0);
  const zero = { ...chart, series: [{ name: 'login', values: [0, 4] }] };
  expect(pointsIn(plot(zero))[0]!.y).toBeCloseTo(refresh!.y + heights[1]!, 0);
});

it('a chart is well-formed, says what it shows, and is readable on light and on dark pages', () => {
  const svg = plot({ ...chart, yLabel: '<ms> & "more"' });
  expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox="0 0 \d+ \d+"/);
  for (const said of ['Signing in &#38; out', '&#60;ms&#62;', 'users', 'login', '10 k', '1 M'])
    expect(svg).toContain(said);
  expect(svg).toContain('prefers-color-scheme: dark');
  const opened = svg.match(/<(?:text|style|title|svg)\b/g)?.length;
  expect(svg.match(/<\/(?:text|style|title|svg)>/g)?.length).toBe(opened);
  expect(svg.replace(/<style>[^]*<\/style>/, '')).not.toMatch(/&(?!#\d+;)|NaN|undefined/);
});

it.each([
  ['a value too few', [{ name: 'login', values: [1] }]],
  ['what is no number', [{ name: 'login', values: [1, NaN] }]],
  ['no series', []],
  ['three series', [1, 2, 3].map((n) => ({ name: String(n), values: [1, 2] }))],
])('%s is refused', (_name, series) => {
  expect(() => plot({ ...chart, series })).toThrow(TypeError);
});

it('axes end at round figures, and figures are short', () => {
  expect([0, 0.7, 1, 1.2, 2.4, 3, 480].map(roundUp)).toEqual([1, 1, 1, 2, 2.5, 5, 500]);
  expect([0, 0.123_45, 12.345, 9_999, 10_000, 250_000, 1_250_000].map(short)).toEqual([
    '0',
    '0.123',
    '12.3',
    '10000',
    '10 k',
    '250 k',
    '1.25 M',
  ]);
});

it('the last step counts, and what is too small to measure does not', () => {
  expect(lastStep([1, 5, 10], 0.1)).toBe(2);
  expect(lastStep([0.001, 0.04], 0.05)).toBe(1);
  expect(failsOf({ login: MOST_PER_STEP, refresh: 1 })).toEqual([]);
  expect(failsOf({ login: MOST_PER_STEP + 0.1, refresh: NaN })).toEqual([
    'login is 3.10, above 3',
    'refresh is NaN, above 3',
  ]);
});

it('the charts of the page are there, and each shows figures that the page has too', () => {
  const shown = [...page.matchAll(/\]\(performance\/([\w-]+\.svg)\)/g)].map(([, name]) => name);
  expect(shown.length).toBeGreaterThan(0);
  expect([...charts].sort()).toEqual([...shown].sort());
  const rows = [...page.matchAll(/^\|(.+)\|$/gm)].map(([, row = '']) =>
    row.split('|').map((cell) => cell.trim()),
  );
  for (const name of charts) {
    const svg = readFileSync(`${folder}/${name}`, 'utf8');
    const points = [...svg.matchAll(/<title>.*, (.+): (.+)<\/title>/g)];
    expect(points.length).toBeGreaterThan(2);
    for (const [, step = '', value = ''] of points)
      expect(rows.some(([first, ...others]) => first === step && others.includes(value))).toBe(
        true,
      );
  }
});
