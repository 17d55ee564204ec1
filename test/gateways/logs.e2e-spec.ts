import { jest } from '@jest/globals';
import { freePorts, until } from '../stack.js';
import { EchoUpstream } from './echo.js';
import type { Edge, Program } from './edges.js';
import { startLoneEdge } from './lone-edge.js';
import { send } from './send.js';

jest.setTimeout(60_000);

const PROGRAMS = ['nginx', 'caddy', 'haproxy'] as const;
const edges = new Map<Program, Edge>();
let echo: EchoUpstream;
beforeAll(async () => {
  echo = await EchoUpstream.start();
  const [closed = 0] = await freePorts(1);
  for (const program of PROGRAMS)
    edges.set(
      program,
      await startLoneEdge(program, echo, {}, { payments: `127.0.0.1:${String(closed)}` }),
    );
});
afterAll(async () => {
  for (const edge of edges.values()) await edge.stop();
  echo.stop();
});

const HEADERS = [
  'Authorization: Bearer secret-1',
  'Cookie: a=secret-2',
  'Device-Token: secret-3',
  'X-Access-Token: secret-4',
  'Referer: https://shop.example/?token=secret-5',
];

describe.each(PROGRAMS)('%s', (program) => {
  const ask = (target: string, id: string, headers: readonly string[]) =>
    send(edges.get(program)!.origin, {
      target: `${target}?access_token=secret-6`,
      headers: [...headers, `X-Request-Id: ${id}`],
    });
  /** What is written of a request. */
  const lineOf = async (id: string) => {
    const line = () =>
      edges
        .get(program)!
        .output()
        .split('\n')
        .filter((text) => text.includes(id))
        .at(-1);
    await until(() => line() !== undefined, 5_000);
    return line()!;
  };

  test('writes each request with its id, its path and what it was answered, and no secret', async () => {
    expect((await ask('/orders/1', 'id-of-a-good-one', HEADERS)).status).toBe(200);
    expect((await ask('/payments/1', 'id-of-one-that-is-down', HEADERS)).status).toBe(503);
    expect((await ask('/orders//1', 'id-of-an-ambiguous-one', HEADERS)).status).toBe(400);
    expect(await lineOf('id-of-a-good-one')).toMatch(/\/orders\/1\b.*\b200\b/);
    expect(await lineOf('id-of-one-that-is-down')).toMatch(/\/payments\/1\b.*\b503\b/);
    expect(await lineOf('id-of-an-ambiguous-one')).toMatch(/\/orders\/\/1\b.*\b400\b/);
    expect(edges.get(program)!.output()).not.toContain('secret');
  });

  test('tells a service that is down from an identity that names nobody', async () => {
    // The echo answers with the Authorization that it is shown: with none, nobody is named.
    await ask('/orders/1', 'id-of-nobody', []);
    await ask('/payments/1', 'id-of-somebody', HEADERS);
    const told = (line: string) =>
      line.replaceAll(/id-of-\w+|\d+/g, '').replaceAll(/orders|payments/g, '');
    const [nobody, somebody] = [await lineOf('id-of-nobody'), await lineOf('id-of-somebody')];
    expect(nobody).toContain('503');
    expect(told(nobody)).not.toBe(told(somebody));
  });
});
