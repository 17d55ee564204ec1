import { setTimeout as delay } from 'node:timers/promises';
import { Discovery, isSafeUrl } from './discovery.js';
import { RequestFailed } from './http-fetch.js';

it.each([
  ['https://identity.example/metadata', true],
  ['http://localhost:3005', true],
  ['http://127.0.0.1:3005', true],
  ['http://127.1.2.3', true],
  ['http://127.1', true],
  ['http://[::1]:3005', true],
  ['http://identity:3005', false],
  ['http://127.0.0.1.example', false],
  ['http://localhost.example', false],
  ['http://localhost@identity.example', false],
  ['http://0.0.0.0', false],
  ['ftp://localhost', false],
  ['file:///etc/hosts', false],
  ['nowhere', false],
])('credentials may be sent to %s: %s', (url, safe) => {
  expect(isSafeUrl(url, false)).toBe(safe);
});

it('consent opens plain http, and nothing else', () => {
  expect(isSafeUrl('http://identity:3005', true)).toBe(true);
  expect(isSafeUrl('ftp://identity', true)).toBe(false);
  expect(isSafeUrl('nowhere', true)).toBe(false);
});

describe('what is known', () => {
  const issuer = 'https://identity.example';
  const stop = new AbortController().signal;
  const metadata = (jwks: string) =>
    Response.json({ issuer, jwks_uri: `${issuer}/${jwks}`, check_in_endpoint: `${issuer}/in` });
  const discoveryBy = (answers: (() => Promise<Response>)[]) => {
    let asked = 0;
    const discovery = new Discovery({
      issuer,
      discoveryUrl: `${issuer}/metadata`,
      allowInsecureHttp: false,
      fetch: () => answers[asked++]!(),
    });
    return { discovery, asked: () => asked };
  };
  const jwksOf = async (discovery: Discovery) => (await discovery.endpoints(stop)).jwks;

  it('is asked for once, by however many', async () => {
    const { discovery, asked } = discoveryBy([() => Promise.resolve(metadata('a'))]);
    await Promise.all([1, 2, 3].map(() => discovery.endpoints(stop)));
    await discovery.endpoints(stop);
    expect(asked()).toBe(1);
  });

  it('stays in use while it is asked for again, and nobody waits for the answer', async () => {
    let answer: (response: Response) => void = () => undefined;
    const { discovery, asked } = discoveryBy([
      () => Promise.resolve(metadata('a')),
      () => Promise.reject(new TypeError('unreachable')),
      () => new Promise((resolve) => (answer = resolve)),
    ]);
    expect(await jwksOf(discovery)).toBe(`${issuer}/a`);
    discovery.doubt();
    expect(await jwksOf(discovery)).toBe(`${issuer}/a`);
    while (asked() < 3) {
      expect(await jwksOf(discovery)).toBe(`${issuer}/a`);
      await delay(1);
    }
    expect(await jwksOf(discovery)).toBe(`${issuer}/a`);
    answer(metadata('moved'));
    while ((await jwksOf(discovery)) !== `${issuer}/moved`) await delay(1);
    expect(asked()).toBe(3);
  });

  it('is nothing after a failure, and the next one asks', async () => {
    const { discovery } = discoveryBy([
      () => Promise.reject(new TypeError('unreachable')),
      () => Promise.resolve(metadata('a')),
    ]);
    await expect(discovery.endpoints(stop)).rejects.toThrow(RequestFailed);
    expect(await jwksOf(discovery)).toBe(`${issuer}/a`);
  });
});
