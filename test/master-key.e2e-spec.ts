import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { bearer, expectStatus, freePorts, post, run, Stack, until } from './stack.js';

jest.setTimeout(240_000);

let stack: Stack;
let file: string;
let first: string;
beforeAll(async () => {
  stack = await Stack.start(['identity', 'orders']);
  file = join(stack.folder, 'master-keys');
  first = readFileSync(file, 'utf8').trim();
});
afterAll(() => stack.stop());

const countersign = (...args: string[]) => stack.cli(args, stack.env('identity'));
const writeKeys = (...lines: string[]) => writeFileSync(file, `${lines.join('\n')}\n`);
const keyLine = (bytes: number, id = 'k1') =>
  `${id} ${Buffer.alloc(bytes, 7).toString('base64url')}`;

it.each<[string, Record<string, string>, RegExp]>([
  ['none', { MASTER_KEY_FILE: '' }, /MASTER_KEY_FILE is required \(or MASTER_KEY\)/],
  [
    '16 bytes',
    { MASTER_KEY_FILE: '', MASTER_KEY: keyLine(16) },
    /has a key of 16 bytes; it must be 32/,
  ],
  [
    'another value',
    { MASTER_KEY_FILE: '', MASTER_KEY: keyLine(32) },
    /"k1" is another one than the one/,
  ],
])('a master key that is %s stops the start, and the message says why', async (_name, env, why) => {
  const program = join('apps', 'identity', 'dist', 'main.js');
  const running = run(program, { ...stack.env('identity'), ...env });
  expect((await running.end()).code).toBe(1);
  expect(running.output()).toMatch(why);
  expect(running.output()).toMatch(/the configuration has \d fault/);
  expect(running.output()).not.toMatch(/BwcHBwcH|\bat .*\.js:\d+/);
});

it('the master key changes under two replicas and constant traffic: sessions of before go on, nothing fails', async () => {
  const [publicPort = 0, service = 0, operator = 0] = await freePorts(3);
  const replicas = {
    identity: {},
    second: {
      PUBLIC_PORT: String(publicPort),
      SERVICE_PORT: String(service),
      OPERATOR_PORT: String(operator),
      MANAGEMENT_PORT: '0',
    },
  };
  const start = async (name: keyof typeof replicas) => {
    await stack.startApp('identity', { name, env: replicas[name] });
  };
  const restart = async (...names: (keyof typeof replicas)[]) => {
    for (const name of names) {
      await stack.endApp(name);
      await start(name);
    }
  };
  const second = (await countersign('master-key', 'generate', '--id', 'k2')).out.trim();
  stack.know(second.split(' ')[1] ?? '');
  writeKeys(first, second);
  await start('second');
  const ann = await stack.addAccount('ann@example.test');
  const old = await stack.signIn(ann);
  const origins = [stack.url('public'), `http://localhost:${String(publicPort)}`];
  // Sessions that begin under the old master key, and are carried on from then on.
  const begun = await Promise.all([1, 2, 3].map(() => signIn(ann)));
  // Somebody else, who signs in more often than one account may have sessions.
  const bob = await stack.addAccount('bob@example.test');
  const traffic = keepSigningIn(bob, origins, stack.url('orders', '/orders'));
  const sessions = begun.map((tokens) => keepRefreshing(tokens, origins));

  // Too early: the replicas would meet what they cannot open.
  writeKeys(second, first);
  const early = await countersign('master-key', 'rotate', '--yes');
  expect(early).toMatchObject({ code: 3, err: expect.stringContaining('does not have it') });

  writeKeys(first, second);
  await restart('identity');
  writeKeys(second, first);
  const halfway = await countersign('master-key', 'rotate', '--yes');
  expect(halfway).toMatchObject({
    code: 3,
    err: expect.stringContaining('still seals under "k1"'),
  });
  await restart('identity', 'second');
  expect(await countersign('master-key', 'rotate')).toMatchObject({ code: 2 });
  const dry = await countersign('master-key', 'rotate', '--dry-run');
  expect(dry.out).toMatch(/signing_keys: 2 secret\(s\), now under "k1"[^]*nothing was changed/);
  const rotated = await countersign('master-key', 'rotate', '--yes');
  expect(rotated).toMatchObject({ code: 0, err: '' });
  expect(rotated.out).toMatch(/signing_keys: 2 secret\(s\) sealed anew\nrevocation_head: 1 /);
  const { out } = await countersign('master-key', 'status');
  expect(out).toMatch(/^k1 +nothing +0 of 2 replicas +2 of 2 replicas +no$/m);
  expect(out).toMatch(
    /^k2 +signing_keys 2, revocation_head 1, audit_chain 1, sessions \d+.* +2 of 2 replicas +2 of 2 replicas +yes$/m,
  );
  writeKeys(second);
  await restart('identity');

  const { signIns, failures } = await traffic.end();
  expect(failures).toEqual([]);
  expect(signIns).toBeGreaterThan(5);
  for (const session of sessions) {
    const { refreshes, refused, sids } = await session.end();
    expect(refused).toEqual([]);
    expect(refreshes).toBeGreaterThan(5);
    expect(sids.size).toBe(1);
  }
  const me = await fetch(stack.url('public', '/auth/me'), { headers: bearer(old) });
  expect(await me.json()).toMatchObject({ email: ann.email });
  for (const secret of stack.secrets()) expect(stack.logs()).not.toContain(secret);
});

interface Tokens {
  readonly refresh_token: string;
  readonly session: { readonly sid: string };
}
async function signIn(account: object): Promise<Tokens> {
  const answer = await expectStatus(200, post(stack.url('public', '/auth/login'), account));
  return (await answer.json()) as Tokens;
}

/** Refreshes one session without pause, at whichever replica listens. */
function keepRefreshing(tokens: Tokens, origins: readonly string[]) {
  const refused: string[] = [];
  const sids = new Set([tokens.session.sid]);
  let [refreshes, going] = [0, true];
  const loop = async () => {
    while (going) {
      const [origin = '', other = ''] = origins;
      origins = [other, origin];
      const { refresh_token } = tokens;
      // A replica that is being restarted does not answer, or its answer is lost: the same token again, at the other.
      const answer = await post(`${origin}/auth/refresh`, { refresh_token }).catch(() => undefined);
      const text = await answer?.text().catch(() => undefined);
      if (answer?.status === 200 && text !== undefined) {
        tokens = JSON.parse(text) as Tokens;
        sids.add(tokens.session.sid);
        refreshes += 1;
      } else if (answer && answer.status !== 200) {
        refused.push(`${String(answer.status)} ${text ?? ''}`);
      }
      await delay(50);
    }
  };
  const ended = loop();
  return {
    async end() {
      const more = refreshes + 2;
      await until(() => refreshes >= more || refused.length > 0, 30_000);
      going = false;
      await ended;
      return { refreshes, refused, sids };
    },
  };
}

/** Signs in without pause, at whichever replica listens, and uses each token. */
function keepSigningIn(account: object, origins: readonly string[], orders: string) {
  const failures: string[] = [];
  let [signIns, going] = [0, true];
  const signIn = async () => {
    for (const origin of origins) {
      // A replica that is being restarted does not listen; who asks it goes to the other.
      const answer = await post(`${origin}/auth/login`, account).catch(() => undefined);
      if (answer?.status === 200)
        return ((await answer.json()) as { access_token: string }).access_token;
      if (answer) failures.push(`a sign-in was answered ${String(answer.status)}`);
    }
    throw new Error('no replica listens');
  };
  const loop = async () => {
    while (going) {
      try {
        const token = await signIn();
        await expectStatus(200, fetch(orders, { headers: bearer(token) }));
        signIns += 1;
      } catch (error) {
        failures.push((error as Error).message);
      }
      origins = [...origins].reverse();
    }
  };
  const ended = loop();
  return {
    async end() {
      const more = signIns + 2;
      await until(() => signIns >= more, 30_000);
      going = false;
      await ended;
      return { signIns, failures };
    },
  };
}
