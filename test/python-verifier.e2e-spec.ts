import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startTestIssuer } from '@countersign/test-kit';
import { jest } from '@jest/globals';
import { bearer, freePorts, Stack, until } from './stack.js';

jest.setTimeout(240_000);

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'examples', 'python-verifier');
/** Debian's own, where python3-jwt is; another Python may stand before it on the PATH. */
const python = ['/usr/bin/python3', 'python3'].find(
  (program) => spawnSync(program, ['-c', 'import jwt, cryptography']).status === 0,
);
/** Only who says so does without: a missing tool must not look like a passed test. */
const run = process.env['SKIP_PYTHON_TESTS'] === '1' ? it.skip : it;
beforeAll(() => {
  if (python !== undefined || run === it.skip) return;
  throw new Error(
    'No python3 here has PyJWT and cryptography: npm run test:setup installs python3-jwt. SKIP_PYTHON_TESTS=1 does without.',
  );
});

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

/** service.py without its threads and server, at position 1.0; `decide()` is its answer to a good token. */
const WITHOUT_SERVER = `
import http.server, math, threading, time
threading.Thread.start = http.server.ThreadingHTTPServer.serve_forever = lambda self: None
import service
service.verify = lambda *given: {'jti': '', 'kid': '', 'sub': '', 'client_id': '', 'iat': 1}
replica, known, decide = service.replica, service.known, lambda: service.decide('')
replica.position, replica.heartbeat, known['at'] = (1, 0), (time.time(), time.monotonic(), 'p', (1, 0)), time.monotonic()
`;

function pythonPrints(program: string): string {
  const { stdout, stderr } = spawnSync(python!, ['-B', '-c', WITHOUT_SERVER + program], {
    cwd: folder,
    encoding: 'utf8',
    env: {
      CLIENT_ID: 'c',
      CLIENT_SECRET_FILE: '/dev/null',
      ISSUER_URL: '',
      AUDIENCE: '',
      PORT: '0',
    },
  });
  return stdout + stderr;
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

run('what arrives while the verifier in Python looks a token up is not taken for applied', () => {
  const printed = pythonPrints(`
known['heads'] = [(-math.inf, (1, 5))]
def catch_up(token):
    replica.position = (1, 5)
    return False
replica.is_revoked = catch_up
print(decide(), decide())
`);
  expect(printed).toBe('503 200\n');
});

run('the verifier in Python is behind when a head that it was told is not reached in time', () => {
  const printed = pythonPrints(`
def after(seconds):
    known['heads'] = [(time.monotonic() - seconds, (1, 5))]
    return decide()
print(after(-9), after(9))
replica.position = (1, 5)
print(after(9))
`);
  expect(printed).toBe('200 503\n200\n');
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
    await until(async () => (await ask(mine)).status === 401, 20_000);
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
    await until(async () => (await ask(mine)).status === 401, 20_000);
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
