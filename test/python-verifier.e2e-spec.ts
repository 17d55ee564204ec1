import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startTestIssuer } from '@countersign/test-kit';
import { jest } from '@jest/globals';
import { bearer, freePorts, Stack, until } from './stack.js';

jest.setTimeout(120_000);

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'examples', 'python-verifier');
/** Debian's own, where python3-jwt is; another Python may stand before it on the PATH. */
const python = ['/usr/bin/python3', 'python3'].find(
  (program) => spawnSync(program, ['-c', 'import jwt, cryptography']).status === 0,
);
if (python === undefined) {
  console.log('skipped: no python3 with PyJWT and cryptography; npm run test:setup installs them');
}
const run = python === undefined ? it.skip : it;

let service: ChildProcess | undefined;
const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  if (service?.exitCode === null) {
    service.kill('SIGKILL');
    await once(service, 'exit');
  }
  for (const stop of stops.splice(0)) await stop();
});

/** Starts the verifier in Python as `orders`. @returns what it answers to a token */
async function startService(env: NodeJS.ProcessEnv) {
  const [port] = await freePorts(1);
  service = spawn(python!, ['-B', 'service.py'], {
    cwd: folder,
    stdio: 'ignore',
    env: { ...env, AUDIENCE: 'orders', PORT: String(port) },
  });
  return async (token: string) => {
    const response = await fetch(`http://127.0.0.1:${String(port)}/`, { headers: bearer(token) });
    return { status: response.status, text: await response.text() };
  };
}

it('the verifier in Python has two hundred lines at most', () => {
  const files = readdirSync(folder).filter((name) => name.endsWith('.py'));
  const text = files.map((name) => readFileSync(join(folder, name), 'utf8')).join('');
  expect(files).toEqual(['access_token.py', 'replica.py', 'service.py']);
  expect(text.split('\n').length - 1).toBeLessThanOrEqual(200);
});

run('the verifier in Python passes the vectors of tokens and of the replica', () => {
  const check = join(root, 'vectors', 'check_python.py');
  const { stdout, stderr, status } = spawnSync(python!, ['-B', check], { encoding: 'utf8' });
  expect({ stdout, stderr, status }).toMatchObject({ stderr: '', status: 0 });
  expect(stdout).toMatch(/^\d{3} tokens and \d{2} replicas as they must be\n$/);
});

run(
  'the verifier in Python refuses a token once its session has been revoked, and only that',
  async () => {
    const issuer = await startTestIssuer();
    stops.push(() => issuer.stop());
    const ask = await startService(issuer.environment);
    const mine = await issuer.issue({ sid: 'mine' });
    const other = await issuer.issue({ sid: 'another' });
    await until(async () => (await ask(mine)).status === 200, 20_000);
    expect(await ask(await issuer.issue({ aud: ['payments'] }))).toEqual({
      status: 401,
      text: 'wrong_audience',
    });

    issuer.revoke({ kind: 'sid', id: 'mine' });
    await until(async () => (await ask(mine)).status === 401, 2_000);
    expect(await ask(mine)).toEqual({ status: 401, text: 'revoked' });
    expect((await ask(other)).status).toBe(200);

    await until(() => issuer.checkIns.at(-1)?.applied?.seq === 1, 20_000);
  },
);

run(
  'with the real identity: a token is good in Python until its owner logs out, and the receipt holds',
  async () => {
    const stack = await Stack.start(['identity']);
    stops.push(() => stack.stop());
    const ask = await startService(stack.env('orders'));
    const account = await stack.addAccountAs('customer', 'ann@example.test');
    const mine = await stack.signIn(account);
    const other = await stack.signIn(account);
    await until(async () => (await ask(mine)).status === 200, 20_000);

    const logOut = (token: string, wait: Record<string, string> = {}) =>
      fetch(stack.url('public', '/auth/logout'), {
        method: 'POST',
        headers: { ...bearer(token), ...wait },
      });
    expect((await logOut(mine)).status).toBe(202);
    await until(async () => (await ask(mine)).status === 401, 5_000);
    expect(await ask(mine)).toEqual({ status: 401, text: 'revoked' });
    expect((await ask(other)).status).toBe(200);

    // A slow machine may miss the two seconds once, yet not for ever.
    let token = other;
    await until(async () => {
      if ((await logOut(token, { prefer: 'wait=2' })).status === 200) return true;
      token = await stack.signIn(account);
      return false;
    }, 30_000);
    expect(await ask(token)).toEqual({ status: 401, text: 'revoked' });
  },
);
