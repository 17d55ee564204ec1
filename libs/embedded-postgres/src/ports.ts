import { createServer } from 'node:net';

/** Whether a server could listen on this port of the loopback address(es) now. */
export async function isPortFree(
  port: number,
  hosts: readonly string[] = ['127.0.0.1'],
): Promise<boolean> {
  for (const host of hosts) {
    if ((await tryToListen(port, host)) === 'taken') return false;
  }
  return true;
}

/**
 * A port of 127.0.0.1 that nobody listens on. Nothing reserves it: whoever uses it must be ready to find it
 * taken and ask again.
 */
export async function findFreePort(): Promise<number> {
  const outcome = await tryToListen(0, '127.0.0.1');
  if (typeof outcome !== 'number') throw new Error('No TCP port of 127.0.0.1 is free.');
  return outcome;
}

/** The port it could listen on, 'taken', or 'no such address' (a machine without IPv6). */
function tryToListen(port: number, host: string): Promise<number | 'taken' | 'no such address'> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve('taken');
      else if (error.code === 'EADDRNOTAVAIL' || error.code === 'EAFNOSUPPORT')
        resolve('no such address');
      else reject(error);
    });
    server.listen({ port, host, exclusive: true }, () => {
      const address = server.address();
      server.close(() => {
        resolve(address !== null && typeof address === 'object' ? address.port : 'taken');
      });
    });
  });
}
