import { EchoUpstream } from './echo.js';
import { startLoneEdge } from './lone-edge.js';
import { send } from './send.js';
import type { Sent } from './send.js';

let echo: EchoUpstream;
let edge: Awaited<ReturnType<typeof startLoneEdge>>;
beforeAll(async () => {
  echo = await EchoUpstream.start();
  edge = await startLoneEdge('nginx', echo);
});
afterAll(async () => {
  await edge.stop();
  echo.stop();
});

const BAD_REQUEST = { status: 400, code: 'bad_request' };
const WRONG: readonly (readonly [what: string, sent: Sent])[] = [
  ['a version of HTTP that it does not know', { target: '/orders', version: '3.0' }],
  [
    'an encoding that it does not know',
    { target: '/orders', headers: ['Transfer-Encoding: gzip'] },
  ],
];

test.each(WRONG)('nginx answers %s in our words', async (_, sent) => {
  const answer = await send(edge.origin, sent);
  expect(answer).toMatchObject(BAD_REQUEST);
  expect(answer.headers).toContainEqual(['content-type', 'application/problem+json']);
});

test('nginx answers plain http where it ends TLS in our words', async () => {
  const answer = await send(`http://127.0.0.1:${String(edge.tlsPort)}`, { target: '/orders' });
  expect(answer).toMatchObject(BAD_REQUEST);
});

test('nginx lets in for a service whose name has a dash', async () => {
  const renamed = await startLoneEdge('nginx', echo, {
    'nginx.conf.template': (text) => text.replace('upstream orders {', 'upstream order-history {'),
    'routes.conf': (text) => text.replace('$audience orders;', '$audience order-history;'),
  });
  try {
    const sent = { target: '/orders', headers: ['Authorization: Bearer x'] };
    expect(await send(renamed.origin, sent)).toMatchObject({ status: 200 });
  } finally {
    await renamed.stop();
  }
});
