import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { jest } from '@jest/globals';
import { bearer, expectStatus, post, Stack, until } from '../stack.js';
import { jws, otherAlgorithms, otherKeys, otherThings, rs, rsaKey } from './forged-tokens.js';
import type { Forged, Workshop } from './forged-tokens.js';

jest.setTimeout(240_000);

/** Everybody who takes access tokens, at the edge and past it. */
const DOORS = [
  ['gateway', '/orders'],
  ['gateway', '/payments'],
  ['gateway', '/auth/me'],
  ['orders', '/orders'],
  ['payments', '/payments'],
  ['public', '/auth/me'],
] as const;

let stack: Stack;
let forger: Server;
const askedForger: string[] = [];
let workshop: Workshop;
let account: { email: string; password: string };
beforeAll(async () => {
  stack = await Stack.start();
  account = await stack.addAccount('ann@example.test');
  const token = await stack.signIn(account);
  const own = rsaKey();
  forger = createServer((request, response) => {
    askedForger.push(request.url ?? '');
    response.end(
      JSON.stringify({ keys: [{ ...own.jwk, kid: own.kid, use: 'sig', alg: 'RS256' }] }),
    );
  }).listen(0, '127.0.0.1');
  await once(forger, 'listening');
  // A key of identity whose private part a test knows: what it signs is genuine but for what is wrong with it.
  const genuine = rsaKey();
  const pem = genuine.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const imported = await stack.cli(['keys', 'import', '-'], stack.env('identity'), pem);
  if (imported.code !== 0) throw new Error(imported.err);
  const jwks = await published(genuine.kid);
  workshop = {
    genuine,
    own,
    jwks,
    server: `http://127.0.0.1:${String((forger.address() as AddressInfo).port)}`,
    claims: JSON.parse(
      Buffer.from(token.split('.')[1]!, 'base64url').toString(),
    ) as Workshop['claims'],
  };
});
afterAll(async () => {
  forger.close();
  await stack.stop();
});

async function published(kid: string): Promise<string> {
  let text = '';
  await until(async () => {
    text = await (await fetch(stack.url('public', '/.well-known/jwks.json'))).text();
    return text.includes(kid);
  }, 20_000);
  return text;
}

async function answersTo(token: string) {
  return Promise.all(
    DOORS.map(async ([at, path]) => {
      const answer = await fetch(stack.url(at, path), { headers: bearer(token) });
      const { code } = (await answer.json()) as { code?: string };
      return {
        door: `${at} ${path}`,
        status: answer.status,
        code,
        challenge: answer.headers.get('www-authenticate'),
      };
    }),
  );
}

it('a token that its key has signed, with nothing wrong about it, is accepted everywhere', async () => {
  const header = { alg: 'RS256', typ: 'at+jwt', kid: workshop.genuine.kid };
  const token = jws(header, workshop.claims, rs(workshop.genuine.privateKey));
  await until(async () => (await answersTo(token)).every(({ status }) => status === 200), 20_000);
});

async function passedOf(forged: readonly Forged[]) {
  const passed: unknown[] = [];
  for (const { name, token } of forged) {
    for (const answer of await answersTo(token)) {
      const isRefusal = answer.status === 401 || answer.status === 400;
      if (!isRefusal || !answer.challenge?.startsWith('Bearer')) passed.push({ name, ...answer });
    }
  }
  return passed;
}

it('another algorithm, or none, is refused at every door', async () => {
  const forged = otherAlgorithms(workshop);
  expect(forged.length).toBeGreaterThan(35);
  expect(await passedOf(forged)).toEqual([]);
});

it('a key that the token brings, names or points to is refused at every door, and nobody goes there', async () => {
  expect(await passedOf(otherKeys(workshop))).toEqual([]);
  expect(askedForger).toEqual([]);
});

it('what the genuine key has signed as something else, or for somebody else, is refused at every door', async () => {
  const forged = otherThings(workshop);
  expect(forged.length).toBeGreaterThan(70);
  expect(await passedOf(forged)).toEqual([]);
});

it('a token for one service is refused by the others, at the edge and past it', async () => {
  const header = { alg: 'RS256', typ: 'at+jwt', kid: workshop.genuine.kid };
  for (const aud of ['orders', 'payments', 'identity']) {
    const token = jws(header, { ...workshop.claims, aud: [aud] }, rs(workshop.genuine.privateKey));
    const path = aud === 'identity' ? '/auth/me' : `/${aud}`;
    for (const { door, status, code } of await answersTo(token)) {
      const expected = door.endsWith(path) ? [200, undefined] : [401, 'wrong_audience'];
      expect([door, status, code]).toEqual([door, ...expected]);
    }
  }
});

it('nothing else that looks like a token is one: refresh tokens, cookies, ids', async () => {
  const login = await expectStatus(200, post(stack.url('gateway', '/auth/login'), account));
  const { refresh_token: refresh, session } = (await login.json()) as {
    refresh_token: string;
    session: { sid: string };
  };
  stack.know(refresh);
  const others = [
    refresh,
    session.sid,
    account.password,
    'null',
    'undefined',
    '[object Object]',
    'a.b.c',
    '..',
    'A'.repeat(8_000),
  ];
  expect(await passedOf(others.map((token) => ({ name: token.slice(0, 20), token })))).toEqual([]);
});
