import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ACCESS_COOKIE, cookiePolicy, readRequestCredentials } from './request-credentials.js';
import type { UnusableCredentials } from './request-credentials.js';

const OWN = 'https://shop.example';
const policy = cookiePolicy({ origins: [OWN, 'https://app.example'] });

const read = (rawHeaders: string[], method = 'GET') =>
  readRequestCredentials({ method, rawHeaders }, policy);
const missing = (code: UnusableCredentials) => ({ missing: code });
const inCookie = (token: string) => ({ token, cookie: ACCESS_COOKIE });

describe('the one credential of a request', () => {
  test('comes from the header, or from the cookie', () => {
    expect(read(['Authorization', 'Bearer a.b.c'])).toEqual({ token: 'a.b.c' });
    expect(read(['Cookie', `${ACCESS_COOKIE}=a.b.c`])).toEqual(inCookie('a.b.c'));
    expect(read(['Host', 'shop.example'])).toEqual(missing('credentials_required'));
  });

  test('is not looked for in cookies unless they are allowed', () => {
    const rawHeaders = ['Cookie', `${ACCESS_COOKIE}=a.b.c`];
    expect(readRequestCredentials({ method: 'POST', rawHeaders })).toEqual(
      missing('credentials_required'),
    );
    const both = [...rawHeaders, 'Authorization', 'Bearer d.e.f'];
    expect(readRequestCredentials({ method: 'POST', rawHeaders: both })).toEqual({
      token: 'd.e.f',
    });
  });

  test.each([
    ['two Authorization headers', ['Authorization', 'Bearer a', 'authorization', 'Bearer a']],
    ['header and cookie', ['Authorization', 'Bearer a', 'Cookie', `${ACCESS_COOKIE}=a`]],
    [
      'a malformed header and a cookie',
      ['Authorization', 'Bearer', 'Cookie', `${ACCESS_COOKIE}=a`],
    ],
    ['two cookies of one name', ['Cookie', `${ACCESS_COOKIE}=a; ${ACCESS_COOKIE}=a`]],
    ['the second one empty', ['Cookie', `${ACCESS_COOKIE}=a; ${ACCESS_COOKIE}=`]],
    ['without a space between', ['Cookie', `${ACCESS_COOKIE}=a;${ACCESS_COOKIE}=b`]],
    ['in two Cookie headers', ['Cookie', `${ACCESS_COOKIE}=a`, 'COOKIE', `${ACCESS_COOKIE}=b`]],
    ['one of them between quotes', ['Cookie', `x="y; ${ACCESS_COOKIE}=a; z"; ${ACCESS_COOKIE}=b`]],
    [
      'two Authorization headers of other schemes beside a cookie',
      ['Authorization', 'Basic a', 'Authorization', 'Basic b', 'Cookie', `${ACCESS_COOKIE}=a`],
    ],
  ])('is not one: %s', (_, rawHeaders) => {
    expect(read(rawHeaders)).toEqual(missing('multiple_credentials'));
  });

  test('two cookies of different names of ours are two', () => {
    const two = cookiePolicy({ names: [ACCESS_COOKIE, '__Host-other'], origins: [OWN] });
    const credentials = (cookie: string) =>
      readRequestCredentials({ method: 'GET', rawHeaders: ['Cookie', cookie] }, two);
    expect(credentials('__Host-other=opaque')).toEqual({
      token: 'opaque',
      cookie: '__Host-other',
    });
    expect(credentials(`__Host-other=opaque; ${ACCESS_COOKIE}=a`)).toEqual(
      missing('multiple_credentials'),
    );
  });

  test('another scheme in Authorization is nobody’s credential of ours', () => {
    expect(read(['Authorization', 'Basic YTpi', 'Cookie', `${ACCESS_COOKIE}=a`])).toEqual(
      inCookie('a'),
    );
  });

  test.each([
    `a=1; ${ACCESS_COOKIE}=a.b.c`,
    `a=1;${ACCESS_COOKIE}=a.b.c;b=2`,
    `a=1; \t ${ACCESS_COOKIE}=a.b.c; b=2`,
    `x="y; ${ACCESS_COOKIE}=a.b.c; z"`,
    `=${ACCESS_COOKIE}=evil; ${ACCESS_COOKIE}=a.b.c`,
    `${ACCESS_COOKIE}x=evil; x${ACCESS_COOKIE}=evil; ${ACCESS_COOKIE}=a.b.c`,
    `${ACCESS_COOKIE.toLowerCase()}=evil; ${ACCESS_COOKIE}=a.b.c`,
    `\u00a0${ACCESS_COOKIE}=evil; ${ACCESS_COOKIE}=a.b.c`,
    `${ACCESS_COOKIE} =evil; ${ACCESS_COOKIE}=a.b.c`,
    `${ACCESS_COOKIE}; ${ACCESS_COOKIE}=a.b.c`,
  ])('is found in %j', (cookie) => {
    expect(read(['Cookie', cookie])).toEqual(inCookie('a.b.c'));
  });

  test('is found when the cookies are split over several headers, as HTTP/2 may', () => {
    expect(read(['cookie', 'a=1', 'cookie', `${ACCESS_COOKIE}=a.b.c`, 'cookie', 'b=2'])).toEqual(
      inCookie('a.b.c'),
    );
  });

  test('does not keep the cookies beside it in memory', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const others = 'x'.repeat(15_000);
    collect();
    const before = process.memoryUsage().heapUsed;
    const kept = Array.from({ length: 1_000 }, (_, n) => {
      const token = `${String(n)}.${'t'.repeat(500)}`;
      const header = Buffer.from(`o=${others}; ${ACCESS_COOKIE}=${token}`).toString('latin1');
      return read(['Cookie', header]);
    });
    collect();
    // Fifteen megabytes of other cookies have passed by.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(5_000_000);
    expect(kept).toHaveLength(1_000);
  });

  test.each(['', '"a.b.c"', ' a.b.c', 'a.b.c ', 'a b', 'a%2Eb', 'a,b', 'a=b', '"', 'ä'])(
    'is malformed when the cookie holds %j',
    (value) => {
      expect(read(['Cookie', `${ACCESS_COOKIE}=${value}; b=2`])).toEqual(
        missing('malformed_credentials'),
      );
    },
  );
});

describe('a cookie that another site could have made the browser send', () => {
  const cookie = ['Cookie', `${ACCESS_COOKIE}=a`];
  const required = missing('origin_required');

  test.each(['GET', 'HEAD', 'OPTIONS', 'TRACE'])('is enough for %s', (method) => {
    expect(read([...cookie, 'Origin', 'https://evil.example'], method)).toEqual(inCookie('a'));
  });

  test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'CONNECT', 'PROPFIND', 'QUERY', 'get', ''])(
    'is not enough for %j',
    (method) => {
      expect(read(cookie, method)).toEqual(required);
      expect(read([...cookie, 'Origin', OWN], method)).toEqual(inCookie('a'));
    },
  );

  test('is not enough for an upgrade, whatever its method', () => {
    for (const name of ['Upgrade', 'upgrade']) {
      expect(read([...cookie, name, 'websocket'])).toEqual(required);
      expect(read([...cookie, name, 'websocket', 'Origin', OWN])).toEqual(inCookie('a'));
    }
  });

  test.each([
    ['the same origin', ['Sec-Fetch-Site', 'same-origin']],
    [
      'the same origin, behind a referrer policy',
      ['Sec-Fetch-Site', 'same-origin', 'Origin', 'null'],
    ],
    ['the public origin', ['origin', OWN]],
    [
      'a listed origin of another site',
      ['Origin', 'https://app.example', 'Sec-Fetch-Site', 'cross-site'],
    ],
  ])('is good from %s', (_, headers) => {
    expect(read([...cookie, ...headers], 'POST')).toEqual(inCookie('a'));
  });

  test.each([
    ['nothing said', []],
    ['another site', ['Sec-Fetch-Site', 'cross-site']],
    ['a neighbouring host', ['Sec-Fetch-Site', 'same-site']],
    ['a person’s own doing', ['Sec-Fetch-Site', 'none']],
    ['other letters', ['Sec-Fetch-Site', 'Same-Origin']],
    ['it said twice', ['Sec-Fetch-Site', 'same-origin', 'Sec-Fetch-Site', 'same-origin']],
    ['it said twice in one', ['Sec-Fetch-Site', 'same-origin, same-origin']],
    ['an opaque origin', ['Origin', 'null']],
    ['no origin', ['Origin', '']],
    ['another origin', ['Origin', 'https://evil.example']],
    ['another scheme', ['Origin', 'http://shop.example']],
    ['another port', ['Origin', 'https://shop.example:8443']],
    ['a default port, which no browser writes', ['Origin', 'https://shop.example:443']],
    ['capitals, which no browser writes', ['Origin', 'https://Shop.example']],
    ['a path, which no browser writes', ['Origin', 'https://shop.example/']],
    ['a host below', ['Origin', 'https://a.shop.example']],
    ['a longer host', ['Origin', 'https://shop.example.evil.example']],
    ['a user before the host', ['Origin', 'https://shop.example@evil.example']],
    ['several in one', ['Origin', `${OWN} https://evil.example`]],
    ['it twice', ['Origin', OWN, 'Origin', OWN]],
    ['only a referrer', ['Referer', `${OWN}/page`]],
  ])('is refused from %s', (_, headers) => {
    expect(read([...cookie, ...headers], 'POST')).toEqual(required);
  });

  test('needs no origin when the token is in the header: no browser adds that by itself', () => {
    expect(read(['Authorization', 'Bearer a', 'Upgrade', 'websocket'], 'POST')).toEqual({
      token: 'a',
    });
  });
});

describe('a policy for cookies', () => {
  test.each([
    ['HTTPS://Shop.Example:443', 'https://shop.example'],
    ['http://localhost:80/', 'http://localhost'],
    ['http://localhost:8080', 'http://localhost:8080'],
    ['https://[::1]:8443', 'https://[::1]:8443'],
    ['https://bücher.example', 'https://xn--bcher-kva.example'],
  ])('takes %s for %s', (written, origin) => {
    expect([...cookiePolicy({ origins: [written] }).origins]).toEqual([origin]);
  });

  test.each([
    'null',
    '',
    '*',
    'shop.example',
    'data:,x',
    'file:///',
    'https://shop.example/path',
    'https://shop.example/?',
    'https://shop.example/#',
    'https://user@shop.example',
    'wss://shop.example',
  ])('does not take %j for an origin', (origin) => {
    expect(() => cookiePolicy({ origins: [origin] })).toThrow(TypeError);
  });

  test('needs an origin, and names that a neighbouring host cannot set', () => {
    expect(() => cookiePolicy({ origins: [] })).toThrow(TypeError);
    for (const names of [
      [],
      ['session'],
      ['__Host-'],
      ['__host-a'],
      ['__Host-a b'],
      ['__Host-a='],
    ]) {
      expect(() => cookiePolicy({ names, origins: [OWN] })).toThrow(TypeError);
    }
    expect(cookiePolicy({ names: ['__Secure-a'], origins: [OWN] }).names).toEqual(['__Secure-a']);
  });
});

describe('whatever is sent', () => {
  const noise = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom(...Array.from(`${ACCESS_COOKIE}=;, "\t`)) }),
  );
  const name = fc.oneof(
    fc.constantFrom('Cookie', 'cookie', 'Authorization', 'Origin', 'Sec-Fetch-Site', 'Upgrade'),
    noise,
  );
  const value = fc.oneof(
    noise,
    fc.constantFrom('Bearer a.b', OWN, 'same-origin', `${ACCESS_COOKIE}=a.b`),
  );
  const headers = fc.array(fc.tuple(name, value), { maxLength: 6 }).map((pairs) => pairs.flat());

  test('a token is handed out only when it is the only one, well-formed, and from here', () => {
    fc.assert(
      fc.property(headers, fc.constantFrom('GET', 'POST'), (rawHeaders, method) => {
        const found = read(rawHeaders, method);
        if ('missing' in found) return;
        expect(found.token).toMatch(/^[\w\-.~+/]+=*$/);
        const text = rawHeaders.join('\n').toLowerCase();
        expect(text).toContain(found.token.toLowerCase());
        if (found.cookie === undefined || method === 'GET') return;
        expect(rawHeaders.some((header) => header === OWN || header === 'same-origin')).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  test('one more credential always makes it too many', () => {
    const extra = fc.constantFrom(['Authorization', 'Bearer x'], ['Cookie', `${ACCESS_COOKIE}=x`]);
    fc.assert(
      fc.property(headers, extra, fc.nat(6), (rawHeaders, more, at) => {
        fc.pre('token' in read(rawHeaders));
        const index = Math.min(at, rawHeaders.length / 2) * 2;
        expect(read(rawHeaders.toSpliced(index, 0, ...more))).toEqual(
          missing('multiple_credentials'),
        );
      }),
      { numRuns: 500 },
    );
  });

  test('the order of headers does not matter', () => {
    const pairs = fc.array(fc.tuple(name, value), { maxLength: 6 });
    fc.assert(
      fc.property(pairs, fc.constantFrom('GET', 'POST'), (some, method) => {
        expect(read(some.toReversed().flat(), method)).toEqual(read(some.flat(), method));
      }),
    );
  });
});
