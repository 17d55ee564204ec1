import { once } from 'node:events';
import { Agent, createServer, get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { retireConnections } from './retire-connections.js';

it('goes on serving, and lets each connection end with its next answer', async () => {
  const server = createServer((_request, response) => response.end('served')).listen(
    0,
    '127.0.0.1',
  );
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ask = async () => {
    const [response] = (await once(get({ port, agent, host: '127.0.0.1' }), 'response')) as [
      IncomingMessage,
    ];
    response.resume();
    await once(response, 'end');
    return [response.statusCode, response.headers.connection];
  };
  try {
    expect(await ask()).toEqual([200, 'keep-alive']);
    const retired = retireConnections([server], 300);
    expect(await ask()).toEqual([200, 'close']);
    expect(await ask()).toEqual([200, 'close']);
    await retired;
    expect(server.listening).toBe(true);
  } finally {
    agent.destroy();
    server.close();
  }
});
