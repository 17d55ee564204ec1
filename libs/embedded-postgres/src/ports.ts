import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Below those that systems give to whoever connects somewhere (Linux: from 32768), so that a server which was away for a moment
 * finds its port as it left it.
 */
const FIRST = 30_200;
const COUNT = 1_500;

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
 * A port of 127.0.0.1 that nobody listens on, and that nobody is given by chance. Nothing reserves it: whoever uses it must be
 * ready to find it taken and ask again.
 */
export async function findFreePort(): Promise<number> {
  const start = randomInt(COUNT);
  for (let n = 0; n < COUNT; n += 1) {
    const port = FIRST + ((start + n) % COUNT);
    if (await isPortFree(port)) return port;
  }
  throw new Error('No TCP port of 127.0.0.1 is free.');
}

/** 'no such address': a machine without IPv6. */
function tryToListen(port: number, host: string): Promise<'free' | 'taken' | 'no such address'> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve('taken');
      else if (error.code === 'EADDRNOTAVAIL' || error.code === 'EAFNOSUPPORT')
        resolve('no such address');
      else reject(error);
    });
    server.listen({ port, host, exclusive: true }, () => {
      server.close(() => resolve('free'));
    });
  });
}
