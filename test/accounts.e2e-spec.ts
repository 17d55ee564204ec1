import { once } from 'node:events';
import { request } from 'node:http';
import { json } from 'node:stream/consumers';
import { jest } from '@jest/globals';
import { bearer, expectStatus, post, Stack, until } from './stack.js';

jest.setTimeout(240_000);

const OTHER = 'another horse battery';

let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start(['identity', 'orders'], {
    PASSWORD_HASH_PROCESSES: '1',
    PASSWORD_HASH_QUEUE: '3',
  });
});
afterAll(() => stack.stop());

const ask = (path: string, body: unknown, token?: string) =>
  post(stack.url('public', path), body, token === undefined ? {} : bearer(token));
const me = async (token: string) =>
  (await fetch(stack.url('public', '/auth/me'), { headers: bearer(token) })).status;
/** Refused once the end of its session has come round. */
const expectRefused = (token: string) => until(async () => (await me(token)) === 401, 60_000);
const problemOf = async (answer: Response) =>
  (await answer.json()) as { code: string; errors?: { pointer: string; detail: string }[] };

it('a password is changed: this session goes on with fresh credentials, the others and every copy are over', async () => {
  const ann = await stack.addAccount('ann@example.test');
  const [here, elsewhere] = [await stack.signIn(ann), await stack.signIn(ann)];
  const body = { current_password: ann.password, new_password: OTHER };
  const answer = await expectStatus(200, ask('/auth/password', body, here));
  expect(answer.headers.get('cache-control')).toBe('no-store');
  const fresh = (await answer.json()) as Record<string, string>;
  expect(fresh).toMatchObject({ token_type: 'Bearer', session: { device_name: null } });
  const orders = (token: string) =>
    fetch(stack.url('orders', '/orders'), { headers: bearer(token) });
  for (const copied of [here, elsewhere]) {
    await expectRefused(copied);
    await until(async () => (await orders(copied)).status === 401, 60_000);
    // The sign-in was a moment ago: a session that goes on would need no password.
    for (const path of ['/auth/account/export', '/auth/account/delete'])
      await expectStatus(401, ask(path, {}, copied));
  }
  await expectStatus(200, orders(fresh['access_token']!));
  expect(await me(fresh['access_token']!)).toBe(200);
  await expectStatus(200, ask('/auth/account/export', {}, fresh['access_token']));
  await expectStatus(401, ask('/auth/login', ann));
  await stack.signIn({ ...ann, password: OTHER });
  const wrong = await expectStatus(403, ask('/auth/password', body, fresh['access_token']));
  expect(await problemOf(wrong)).toMatchObject({ code: 'current_password_rejected' });
  await expectStatus(401, ask('/auth/password', body));
});

it('a forgotten password: one answer for everybody, one use, and every session is over', async () => {
  const bob = await stack.addAccount('bob@example.test');
  const token = await stack.signIn(bob);
  const seen = stack.messagesTo('bob@example.test').length;
  const answers = await Promise.all(
    ['bob@example.test', 'BOB@Example.test', 'stranger@example.test'].map(async (email) => {
      const answer = await expectStatus(202, ask('/auth/password-reset', { email }));
      return answer.text();
    }),
  );
  expect(new Set(answers).size).toBe(1);
  await until(() => stack.messagesTo('stranger@example.test').length === 1, 60_000);
  const secret = await stack.tokenSentTo('bob@example.test', seen);
  const common = await ask('/auth/password-reset/confirm', {
    token: secret,
    password: 'Password1',
  });
  expect([common.status, (await problemOf(common)).errors]).toEqual([
    400,
    [{ pointer: '/password', detail: 'is among the passwords that are guessed first' }],
  ]);
  const like = await ask('/auth/password-reset/confirm', {
    token: secret,
    password: 'bob@example',
  });
  expect([like.status, await problemOf(like)]).toMatchObject([
    400,
    { code: 'invalid_input', errors: [{ pointer: '/password' }] },
  ]);
  const body = { token: secret, password: OTHER };
  await expectStatus(200, ask('/auth/password-reset/confirm', body));
  await expectStatus(400, ask('/auth/password-reset/confirm', body));
  await expectRefused(token);
  await stack.signIn({ ...bob, password: OTHER });
});

it('a password may be typed another way and in any script', async () => {
  const zoe = await stack.addAccount('zoe@example.test', 'пароль: caf\u00e9');
  await stack.signIn({ ...zoe, password: 'пароль: cafe\u0301' });
});

it('an address is changed by a message to the new one', async () => {
  const carl = await stack.addAccount('carl@example.test');
  const token = await stack.signIn(carl);
  const change = { email: 'Carl.New@example.test', current_password: carl.password };
  await expectStatus(202, ask('/auth/email/change', change, token));
  const secret = await stack.tokenSentTo('carl.new@example.test');
  await until(() => stack.messagesTo('carl@example.test').length === 2, 60_000);
  expect(stack.messagesTo('carl.new@example.test')[0]).toContain('account of carl@example.test');
  // Not for who merely reads that mailbox, nor for who is signed in to another account.
  await expectStatus(401, ask('/auth/email/change/confirm', { token: secret }));
  const mallory = await stack.signIn(await stack.addAccount('mallory@example.test'));
  const foreign = await ask('/auth/email/change/confirm', { token: secret }, mallory);
  expect([foreign.status, await problemOf(foreign)]).toMatchObject([
    400,
    { code: 'email_token_rejected' },
  ]);
  // From another device of theirs.
  const elsewhere = await stack.signIn(carl);
  await expectStatus(200, ask('/auth/email/change/confirm', { token: secret }, elsewhere));
  await stack.signIn({ ...carl, email: 'carl.new@example.test' });
  await expectStatus(401, ask('/auth/login', carl));
  expect(await me(token)).toBe(200);
  const restore = { token: await stack.tokenSentTo('carl@example.test', 2), password: OTHER };
  await expectStatus(200, ask('/auth/email/restore', restore));
  await expectRefused(token);
  await stack.signIn({ email: 'carl@example.test', password: OTHER });
});

it('people take what is kept about them along, and leave', async () => {
  const dora = await stack.addAccount('dora@example.test');
  const token = await stack.signIn(dora);
  await expectStatus(401, ask('/auth/login', { ...dora, password: 'wrong' }));
  const answer = await expectStatus(200, ask('/auth/account/export', {}, token));
  expect(answer.headers.get('content-disposition')).toContain('attachment');
  const text = await answer.text();
  const all = JSON.parse(text) as { account: object; sessions: object[]; activity: object[] };
  expect(all.account).toMatchObject({ email: 'dora@example.test', roles: ['customer'] });
  expect(all.sessions).toHaveLength(1);
  expect(all.activity).toContainEqual(expect.objectContaining({ action: 'sign_in.fail' }));
  expect(text).not.toMatch(/argon2|hash|secret|eyJ/);
  for (const secret of stack.secrets()) {
    if (!secret.includes('@')) expect(text).not.toContain(secret);
  }

  await expectStatus(403, ask('/auth/account/delete', { current_password: 'wrong' }, token));
  const gone = await expectStatus(
    202,
    ask('/auth/account/delete', { current_password: dora.password }, token),
  );
  expect(await gone.json()).toMatchObject({ revocation: { status: 'pending' } });
  await expectRefused(token);
  await expectStatus(401, ask('/auth/login', dora));
  await stack.addAccount('dora@example.test');
});

it('addresses in messages come from the settings, whatever a request says', async () => {
  const { port } = new URL(stack.url('public'));
  const seen = stack.messagesTo('ann@example.test').length;
  const asked = request({
    port,
    method: 'POST',
    path: '/auth/password-reset',
    headers: {
      host: 'evil.test',
      'x-forwarded-host': 'evil.test',
      'x-forwarded-proto': 'https',
      forwarded: 'host=evil.test',
      origin: 'https://evil.test',
      'content-type': 'application/json',
    },
  });
  asked.end('{"email":"ann@example.test"}');
  const [answer] = (await once(asked, 'response')) as [
    NodeJS.ReadableStream & { statusCode: number },
  ];
  expect(answer.statusCode).toBe(202);
  expect(JSON.stringify(await json(answer))).not.toContain('evil');
  const token = await stack.tokenSentTo('ann@example.test', seen);
  const mail = stack.messagesTo('ann@example.test').find((message) => message.includes(token));
  expect(mail).toContain(`POST ${stack.url('gateway')}/auth/password-reset/confirm`);
  expect(mail).not.toContain('evil');
});

it('past what can be hashed people are sent away at once, and everybody else is served meanwhile', async () => {
  const eve = await stack.addAccount('eve@example.test');
  const token = await stack.signIn(eve);
  let waiting = 24;
  const logins = Array.from({ length: waiting }, async (_, n) => {
    const answer = await ask('/auth/login', { email: `n${String(n)}@example.test`, password: 'x' });
    waiting -= 1;
    return { status: answer.status, retryAfter: answer.headers.get('retry-after') };
  });
  const served: number[] = [];
  while (waiting > 0) served.push(await me(token));
  const answers = await Promise.all(logins);
  const turnedAway = answers.filter(({ status }) => status === 503);
  expect(turnedAway.length).toBeGreaterThan(0);
  for (const { retryAfter } of turnedAway) expect(Number(retryAfter)).toBeGreaterThan(0);
  expect(answers.some(({ status }) => status === 401)).toBe(true);
  expect(served.length).toBeGreaterThan(0);
  expect(new Set(served)).toEqual(new Set([200]));
});
