import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startTestIssuer } from '@countersign/test-kit';
import { jest } from '@jest/globals';

jest.setTimeout(60_000);

const folder = fileURLToPath(new URL('../examples/python-verifier/', import.meta.url));
/** Debian's own, where python3-jwt is; another Python may stand before it on the PATH. */
const python = ['/usr/bin/python3', 'python3'].find(
  (program) => spawnSync(program, ['-c', 'import jwt, cryptography']).status === 0,
);
if (python === undefined) {
  console.log(
    'skipped: no python3 with PyJWT and cryptography (Debian: apt-get install python3-jwt)',
  );
}
const run = python === undefined ? it.skip : it;

let service: ChildProcess | undefined;
afterEach(async () => {
  if (service?.exitCode !== null) return;
  service.kill('SIGKILL');
  await once(service, 'exit');
});

run('the verifier in Python passes the vectors of tokens and of the replica', () => {
  const { stdout, stderr, status } = spawnSync(python!, ['-B', 'check_vectors.py'], {
    cwd: folder,
    encoding: 'utf8',
  });
  expect({ stdout, stderr, status }).toMatchObject({ stderr: '', status: 0 });
  expect(stdout).toMatch(/^\d{3} tokens and \d{2} replicas as they must be\n$/);
});

run(
  'the verifier in Python refuses a token once its session has been revoked, and only that',
  async () => {
    const issuer = await startTestIssuer();
    const port = await freePort();
    service = spawn(python!, ['-B', 'service.py'], {
      cwd: folder,
      stdio: 'ignore',
      env: { ...issuer.environment, AUDIENCE: 'orders', PORT: String(port) },
    });
    const ask = async (token: string) => {
      const headers = { authorization: `Bearer ${token}` };
      const response = await fetch(`http://127.0.0.1:${String(port)}/`, { headers });
      return { status: response.status, text: await response.text() };
    };
    const mine = await issuer.issue({ sid: 'mine' });
    const other = await issuer.issue({ sid: 'another' });
    await until(async () => (await ask(mine)).status === 200);
    expect(await ask(await issuer.issue({ aud: ['payments'] }))).toEqual({
      status: 401,
      text: 'wrong_audience',
    });

    issuer.revoke({ kind: 'sid', id: 'mine' });
    await until(async () => (await ask(mine)).status === 401, 2_000);
    expect(await ask(mine)).toEqual({ status: 401, text: 'revoked' });
    expect((await ask(other)).status).toBe(200);

    await until(() => issuer.checkIns.at(-1)?.applied?.seq === 1);
    await issuer.stop();
  },
);

async function until(holds: () => boolean | Promise<boolean>, ms = 20_000): Promise<void> {
  const end = performance.now() + ms;
  while (performance.now() < end) {
    if (await attempt(holds)) return;
    await delay(20);
  }
  throw new Error('it did not come to that');
}

async function attempt(holds: () => boolean | Promise<boolean>): Promise<boolean> {
  try {
    return await holds();
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
