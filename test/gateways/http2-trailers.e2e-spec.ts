import { connect } from 'node:http2';
import { EchoUpstream } from './echo.js';
import type { Edge } from './edges.js';
import { startLoneEdge } from './lone-edge.js';

let echo: EchoUpstream;
const edges: Edge[] = [];
beforeAll(async () => {
  echo = await EchoUpstream.start();
});
afterAll(async () => {
  for (const edge of edges) await edge.stop();
  echo.stop();
});

test.each(['nginx', 'caddy', 'haproxy'] as const)(
  '%s hands nothing on that comes after a body over HTTP/2',
  async (program) => {
    const edge = await startLoneEdge(program, echo);
    edges.push(edge);
    const session = connect(`https://localhost:${String(edge.tlsPort)}`, {
      rejectUnauthorized: false,
    });
    session.on('error', () => undefined);
    for (const body of program === 'nginx' ? ['abc'] : ['abc', '']) {
      const n = `${program}-${String(body.length)}`;
      const asking = session.request(
        { ':method': 'POST', ':path': `/orders?n=${n}`, authorization: 'Bearer whatever' },
        { waitForTrailers: true, endStream: false },
      );
      asking.on('wantTrailers', () => asking.sendTrailers({ 'x-user-id': 'admin' }));
      asking.end(body);
      asking.on('error', () => undefined).resume();
      await new Promise((resolve) => asking.once('close', resolve));
      // nginx 1.22 ends the connection.
      const received = echo.received(n);
      expect(received !== undefined).toBe(program !== 'nginx');
      if (received) expect(received).toMatchObject({ body, trailers: [] });
    }
    session.destroy();
  },
);
