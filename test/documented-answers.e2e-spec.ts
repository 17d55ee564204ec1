import { jest } from '@jest/globals';
import { freePorts, Stack } from './stack.js';

jest.setTimeout(180_000);

/** Adds a route that no document tells of. */
const ADDED = `
  import { subscribe } from 'node:diagnostics_channel';
  subscribe('fastify.initialization', ({ fastify }) => {
    fastify.get('/auth/added/:to', async () => ({ of: 'no document' }));
  });`;

it('no test passes in which identity answered what it does not document, whoever asked whichever replica', async () => {
  const stack = await Stack.start([]);
  const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(ADDED)}`;
  await stack.startApp('identity', { env: { NODE_OPTIONS } });
  await stack.startApp('gateway');
  const [open, service, operator, management] = (await freePorts(4)).map(String);
  const ports = {
    PUBLIC_PORT: open!,
    SERVICE_PORT: service!,
    OPERATOR_PORT: operator!,
    MANAGEMENT_PORT: management!,
  };
  await stack.startApp('identity', { name: 'replica', env: { NODE_OPTIONS, ...ports } });
  const answers = [
    await fetch(stack.url('gateway', '/auth/added/gateway')),
    await fetch(`http://localhost:${open!}/auth/added/test`),
  ];
  for (const answer of answers) expect(await answer.json()).toEqual({ of: 'no document' });
  await expect(stack.stop()).rejects.toThrow(
    /^not as documented: GET \/auth\/added\/gateway 200 is not documented\n.*GET \/auth\/added\/test 200/,
  );
});
