import { jest } from '@jest/globals';
import { answersOn, dribble, exchange, open } from '../attacks/raw.js';
import type { Exchange } from '../attacks/raw.js';
import { PROGRAMS, startLoneEdges } from './lone-edge.js';

jest.setTimeout(120_000);

/** What the configurations say, and how late a busy machine sees it. */
const PATIENCE_MS = 15_000;
const LATE_MS = 15_000;
const MOST_OF_ONE_ADDRESS = 256;

let edges: Awaited<ReturnType<typeof startLoneEdges>>;
beforeAll(async () => {
  edges = await startLoneEdges();
});
afterAll(() => edges.stop());

const POST =
  'POST /orders HTTP/1.1\r\nhost: x\r\nauthorization: Bearer x\r\ncontent-length: 9999\r\n\r\n{';
const SLOW: Readonly<Record<string, (port: number) => Promise<Exchange>>> = {
  headers: (port) => dribble(open(port), 'GET /orders HTTP/1.1\r\nhost: x\r\nx: ', 500),
  body: (port) => dribble(open(port), POST, 500),
};
/** nginx counts the seconds between two bytes of a body. */
const PATIENT = 'nginx body';
const cases = PROGRAMS.flatMap((program) =>
  Object.keys(SLOW).map((what) => [program, what] as const),
);

test('whoever sends by the byte is heard for so long, and reaches no service', async () => {
  const results = await Promise.all(
    cases
      .filter(([program, what]) => `${program} ${what}` !== PATIENT)
      .map(async ([program, what]) => {
        const { isClosed, ms, text } = await SLOW[what]!(edges.portOf(program));
        // Caddy answers an empty 200.
        const isServed = text.includes('"fine"');
        return [program, what, isClosed, isServed, ms < PATIENCE_MS + LATE_MS];
      }),
  );
  expect(
    results.filter(([, , isClosed, isServed, inTime]) => !isClosed || isServed || !inTime),
  ).toEqual([]);
  expect(edges.echo.paths().filter((path) => path.startsWith('/orders'))).toEqual([]);
});

// Caddy counts nobody.
test.each(['nginx', 'haproxy'] as const)(
  '%s lets one address hold so many connections',
  async (program) => {
    const held = Array.from({ length: MOST_OF_ONE_ADDRESS + 10 }, () =>
      open(edges.portOf(program)),
    );
    try {
      for (const socket of held) socket.write(POST);
      const answers = await Promise.all(held.map((socket) => answersOn(socket, 3_000)));
      const refused = answers.filter(({ isClosed, statuses }) => isClosed || statuses.length > 0);
      expect(refused).toHaveLength(10);
      for (const { text } of refused)
        expect(text).toMatch(
          program === 'nginx' ? /^HTTP\/1\.1 429 [\s\S]*"too_many_attempts"/ : /^$/,
        );
    } finally {
      for (const socket of held) socket.destroy();
    }
    const good =
      'GET /orders HTTP/1.1\r\nhost: x\r\nauthorization: Bearer x\r\nconnection: close\r\n\r\n';
    expect((await exchange(edges.portOf(program), good, 3_000)).statuses).toEqual([200]);
  },
);
