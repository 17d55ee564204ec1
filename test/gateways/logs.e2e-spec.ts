import { freePorts, until } from '../stack.js';
import { EchoUpstream } from './echo.js';
import type { Edge, Program } from './edges.js';
import { startLoneEdge } from './lone-edge.js';
import { send } from './send.js';

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
  /** The line that says what a request was answered; it is written after the answer, and may not be the first about it. */
  const lineOf = async (id: string, answered: RegExp) => {
    const line = () =>
      edges
        .get(program)!
        .output()
        .split('\n')
        .slice(0, -1)
        .filter((text) => text.includes(id))
        .at(-1);
    await until(() => answered.test(line() ?? ''), 20_000).catch(() => undefined);
    expect(line()).toMatch(answered);
    return line()!;
  };

  test('writes each request with its id, its path and what it was answered, and no secret', async () => {
    expect((await ask('/orders/1', 'id-of-a-good-one', HEADERS)).status).toBe(200);
    expect((await ask('/payments/1', 'id-of-one-that-is-down', HEADERS)).status).toBe(503);
    expect((await ask('/orders//1', 'id-of-an-ambiguous-one', HEADERS)).status).toBe(400);
    await lineOf('id-of-a-good-one', /\/orders\/1\b.*\b200\b/);
    await lineOf('id-of-one-that-is-down', /\/payments\/1\b.*\b503\b/);
    await lineOf('id-of-an-ambiguous-one', /\/orders\/\/1\b.*\b400\b/);
    expect(edges.get(program)!.output()).not.toContain('secret');
  });

  test('tells a service that is down from an identity that names nobody', async () => {
    // The echo answers with the Authorization that it is shown: with none, nobody is named.
    await ask('/orders/1', 'id-of-nobody', []);
    await ask('/payments/1', 'id-of-somebody', HEADERS);
    const told = (line: string) =>
      line.replaceAll(/id-of-\w+|\d+/g, '').replaceAll(/orders|payments/g, '');
    const nobody = await lineOf('id-of-nobody', /\b503\b/);
    const somebody = await lineOf('id-of-somebody', /\b503\b/);
    expect(told(nobody)).not.toBe(told(somebody));
  });
});
