// What bench:replica fills its verifier from, in a process of its own: metadata, keys, snapshot pages of 5,000, feed and
// check-in over HTTP, as identity serves them. Prints its origin; the number of revocations is its argument.
import { createServer } from 'node:http';
import { jwk } from './verify-fixture.mjs';
import { eventOf } from './replica-fixture.mjs';

const PAGE_SIZE = 5_000;
const EPOCH = 1;
/** Logs by path: the one that is measured, one to warm up with, and one that is empty. */
const heads = { '/full': Number(process.argv[2]), '/warm': 50_000, '/empty': 0 };

const line = (data) => `${JSON.stringify(data)}\n`;
const message = (event, data) => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;

function page(head, after) {
  const upTo = Math.min(after + PAGE_SIZE, head);
  let text = after === 0 ? line({ type: 'begin', epoch: EPOCH, after: 0, head }) : '';
  for (let seq = after + 1; seq <= upTo; seq += 1)
    text += line({ type: 'revocation', ...eventOf(seq) });
  return (
    text +
    (upTo < head
      ? line({ type: 'page', next_cursor: String(upTo) })
      : line({ type: 'end', epoch: EPOCH, head }))
  );
}

function follow(head, response) {
  const beat = () =>
    response.write(
      message('heartbeat', { epoch: EPOCH, head, read_at: Date.now() / 1000, proof: 'p' }),
    );
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(message('begin', { epoch: EPOCH, after: head, head }));
  response.write(message('end', { epoch: EPOCH, head }));
  beat();
  const beating = setInterval(beat, 1_000);
  response.once('close', () => clearInterval(beating));
}

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://127.0.0.1');
  const base = pathname.slice(0, pathname.indexOf('/', 1));
  const head = heads[base];
  const origin = `http://127.0.0.1:${server.address().port}`;
  switch (pathname.slice(base.length)) {
    case '/metadata':
      return response.end(
        JSON.stringify({
          issuer: origin,
          jwks_uri: `${origin}${base}/jwks`,
          revocation_snapshot_endpoint: `${origin}${base}/revocations`,
          revocation_feed_endpoint: `${origin}${base}/feed`,
          check_in_endpoint: `${origin}${base}/check-in`,
        }),
      );
    case '/jwks':
      return response.end(JSON.stringify({ keys: [jwk] }));
    case '/revocations':
      return response.end(page(head, Number(searchParams.get('cursor') ?? 0)));
    case '/feed':
      return follow(head, response);
    default:
      request.resume();
      return response.end(JSON.stringify({ epoch: EPOCH, head }));
  }
});
server.listen(0, '127.0.0.1', () => process.send(`http://127.0.0.1:${server.address().port}`));
process.once('disconnect', () => process.exit());
