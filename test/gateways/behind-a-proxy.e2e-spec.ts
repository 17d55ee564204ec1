import { jest } from '@jest/globals';
import { EchoUpstream } from './echo.js';
import type { Edge, Program } from './edges.js';
import { startLoneEdge } from './lone-edge.js';
import { send } from './send.js';

jest.setTimeout(240_000);

let echo: EchoUpstream;
const edges: Edge[] = [];
beforeAll(async () => {
  echo = await EchoUpstream.start();
});
afterAll(async () => {
  for (const edge of edges) await edge.stop();
  echo.stop();
});

/** Does what each configuration says that is to be done behind a proxy, whose address is `proxy`. */
const behind = (proxy: string): Record<Program, Parameters<typeof startLoneEdge>[2]> => {
  const uncommented = (text: string) =>
    text
      .replaceAll(/# (?=.*(?:10\.0\.0\.0\/8|is_from_proxy|real_ip_header|@direct))/g, '')
      .replaceAll('10.0.0.0/8', proxy);
  return {
    nginx: { 'maps.conf': uncommented, 'routes.conf': uncommented },
    caddy: {
      Caddyfile: (text) =>
        uncommented(text).replaceAll(
          /^\s*request_header (-X-Forwarded-\*|X-Forwarded-For .*)\n/gm,
          '',
        ),
    },
    haproxy: { 'haproxy.cfg': uncommented },
  };
};

/** @returns what the service hears of where a request came from */
async function toldBy(program: Program, proxy: string): Promise<Record<string, string>> {
  const edge = await startLoneEdge(program, echo, behind(proxy)[program]);
  edges.push(edge);
  const n = `${program}-${proxy}`;
  const headers = [
    'Authorization: Bearer whatever',
    'X-Forwarded-For: 203.0.113.9',
    'X-Forwarded-Proto: https',
    'X-Forwarded-Uri: /elsewhere',
  ];
  const { status } = await send(edge.origin, { target: `/orders?n=${n}`, headers });
  expect(status).toBe(200);
  const told = echo.received(n)!.headers.filter(([name]) => /^x-forwarded-(?!host)/.test(name));
  return Object.fromEntries(told);
}

describe.each(['nginx', 'caddy', 'haproxy'] as const)('%s', (program) => {
  test('passes on what the proxy before it says', async () => {
    // The client and nobody else: identity trusts the gateway alone, and counts by the last address that it does not trust.
    expect(await toldBy(program, '127.0.0.0/8')).toEqual({
      'x-forwarded-for': '203.0.113.9',
      'x-forwarded-proto': 'https',
    });
  });

  test('believes nobody else', async () => {
    expect(await toldBy(program, '192.0.2.0/24')).toEqual({
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
    });
  });
});
