import { freePorts } from '../stack.js';
import { EchoUpstream } from './echo.js';
import { PROGRAMS, startLoneEdge } from './lone-edge.js';
import { send } from './send.js';

let echo: EchoUpstream;
beforeAll(async () => {
  echo = await EchoUpstream.start();
});
afterAll(() => {
  echo.stop();
});

test.each(PROGRAMS)(
  '%s says that identity does not answer where it asks nobody else',
  async (program) => {
    const [nobody] = await freePorts(1);
    const identityPublic = `127.0.0.1:${String(nobody)}`;
    const edge = await startLoneEdge(program, echo, {}, { identityPublic });
    try {
      const away = { status: 503, code: 'upstream_unavailable' };
      const answer = await send(edge.origin, { target: '/auth/refresh', method: 'POST' });
      expect(answer).toMatchObject(away);
      expect(answer.headers).toContainEqual(['retry-after', '5']);
      expect(await send(edge.origin, { target: '/.well-known/jwks.json' })).toMatchObject(away);
    } finally {
      await edge.stop();
    }
  },
);
