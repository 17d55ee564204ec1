import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below those that a system gives to whoever asks for any: nobody gets one of them by chance before it is used here. */
const FIRST = 10_100;
/** Each worker of jest has its own. */
const EACH = 2_000;
const worker = (Number(process.env['JEST_WORKER_ID'] ?? 1) - 1) % 10;
let last = randomInt(EACH);

/** Ports that nobody listens on, each other ones than before. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    last = (last + 1) % EACH;
    const port = FIRST + worker * EACH + last;
    if (await isFree(port)) ports.push(port);
  }
  return ports;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  await new Promise((resolve) => server.close(resolve));
  return true;
}
