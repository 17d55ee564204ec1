import { jest } from '@jest/globals';
import { AMBIGUOUS } from '../attacks/ambiguous-requests.js';
import { exchange } from '../attacks/raw.js';
import type { Program } from './edges.js';
import { PROGRAMS, startLoneEdges } from './lone-edge.js';

jest.setTimeout(120_000);

let edges: Awaited<ReturnType<typeof startLoneEdges>>;
beforeAll(async () => {
  edges = await startLoneEdges();
});
afterAll(() => edges.stop());

/**
 * What a gateway does not refuse, but reads in one way: what hides behind it is a request of its own then, and goes where its path leads.
 * It sends on what it has read with a length or chunks of its own, so that nobody behind it reads anything else.
 */
const READ_ONE_WAY: Readonly<Record<Program, readonly string[]>> = {
  nginx: [
    'lines that end in line feeds',
    'a chunk size with a space',
    'a chunk that ends in a line feed',
    'a line feed in a chunk extension',
  ],
  caddy: [
    'Content-Length and Transfer-Encoding',
    'Transfer-Encoding and Content-Length',
    'the same length twice',
    'an empty length',
    'a space before the name',
    'a folded header',
    'lines that end in line feeds',
    'a line feed in a chunk extension',
  ],
  haproxy: [
    'the same length twice',
    'a list of lengths',
    'a length beyond numbers',
    'a space before the name',
    'a folded header',
    'lines that end in line feeds',
    'a chunk that ends in a line feed',
    'a line feed in a chunk extension',
  ],
};

test.each(PROGRAMS)(
  '%s refuses what can be read in two ways, or reads it in one',
  async (program) => {
    const port = edges.portOf(program);
    const read = await Promise.all(
      Object.entries(AMBIGUOUS).map(async ([name, bytes]) => {
        const { statuses } = await exchange(port, bytes, 3_000);
        return (statuses[0] ?? 400) < 400 ? [name] : [];
      }),
    );
    expect(read.flat()).toEqual(READ_ONE_WAY[program]);
    // Gateways answer 404 to that path themselves.
    expect(edges.echo.paths().filter((path) => path.includes('hidden'))).toEqual([]);
  },
);

// docs/gateways.md says which cannot.
test.each([
  ['nginx', 'application/problem+json'],
  ['caddy', 'text/plain'],
  ['haproxy', 'text/html'],
] as const)('%s answers what is no HTTP with %s', async (program, type) => {
  const port = edges.portOf(program);
  const { text, statuses, isClosed } = await exchange(port, AMBIGUOUS['garbage']!, 3_000);
  expect([statuses, isClosed]).toEqual([[400], true]);
  expect(/^content-type: ([^;\r]+)/im.exec(text)?.[1]).toBe(type);
});
