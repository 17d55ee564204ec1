import { describe, expect, test } from '@jest/globals';
import { answerHeaders, upstreamHeaders } from './upstream-headers.js';

const facts = {
  clientAddress: '203.0.113.7',
  protocol: 'http',
  host: 'shop.example',
  requestId: 'request-1',
  method: 'POST',
  trace: {},
};

const ours = {
  'x-forwarded-for': '203.0.113.7',
  'x-forwarded-proto': 'http',
  'x-forwarded-host': 'shop.example',
  'x-request-id': 'request-1',
};

describe('headers to an upstream', () => {
  test('carry our word for where the request came from, and nobody else’s', () => {
    const sent = {
      accept: '*/*',
      forwarded: 'for=10.0.0.1',
      'x-forwarded-for': '10.0.0.1',
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      'x-forwarded-user': 'admin',
      'x-request-id': 'theirs',
      'x-user-id': 'admin',
      remote_user: 'admin',
    };
    const { authorization, ...toService } = upstreamHeaders(sent, facts, {
      token: 'a.b.c',
      isHidden: false,
    });
    expect(toService).toEqual({ accept: '*/*', ...ours });
    expect(authorization).toBe('Bearer a.b.c');
    const toIdentity = upstreamHeaders(sent, facts, 'as they came');
    expect(toIdentity).toEqual({ accept: '*/*', 'x-user-id': 'admin', ...ours });
  });

  test('tell the trace as the edge tells it, and else as the client does', () => {
    const sent = { traceparent: '00-client', tracestate: 'vendor=1', accept: '*/*' };
    const trace = { traceparent: '00-edge' };
    expect(upstreamHeaders(sent, { ...facts, trace }, 'as they came')).toEqual({
      accept: '*/*',
      ...ours,
      ...trace,
    });
    expect(upstreamHeaders(sent, facts, 'as they came')).toEqual({ ...sent, ...ours });
  });

  test('take credentials to identity as they came', () => {
    const sent = { authorization: 'Basic YTpi', cookie: 'a=b' };
    expect(upstreamHeaders(sent, facts, 'as they came')).toEqual({ ...sent, ...ours });
  });

  test('take the verified token and no cookie to others', () => {
    const sent = { authorization: 'bearer  other', cookie: '__Host-session=1' };
    expect(upstreamHeaders(sent, facts, { token: 'a.b.c', isHidden: false })).toEqual({
      authorization: 'Bearer a.b.c',
      ...ours,
    });
  });

  test('ask for an answer that can be looked through when the client must not see the token', () => {
    const sent = { 'accept-encoding': 'gzip' };
    const asked = (isHidden: boolean) =>
      upstreamHeaders(sent, facts, { token: 'a.b.c', isHidden })['accept-encoding'];
    expect([asked(true), asked(false)]).toEqual(['identity', undefined]);
  });

  test('lose what Connection lists, but not what we add', () => {
    const sent = {
      connection: 'close, X-Trace, x-forwarded-for, Authorization',
      'x-trace': '1',
      authorization: 'Bearer x',
      te: 'trailers',
      upgrade: 'h2c',
    };
    expect(upstreamHeaders(sent, facts, { token: 'a.b.c', isHidden: false })).toEqual({
      authorization: 'Bearer a.b.c',
      ...ours,
    });
    expect(upstreamHeaders(sent, facts, 'as they came')).toEqual(ours);
  });

  test('announce no body for a method whose body is not read', () => {
    const sent = { 'content-length': '2', 'content-type': 'application/json' };
    expect(upstreamHeaders(sent, { ...facts, method: 'GET' }, 'as they came')).toEqual(ours);
    expect(upstreamHeaders(sent, facts, 'as they came')).toEqual({ ...sent, ...ours });
  });

  test('spell a mapped address as the IPv4 address it is', () => {
    const mapped = { ...facts, clientAddress: '::ffff:198.51.100.9' };
    expect(upstreamHeaders({}, mapped, 'as they came')).toMatchObject({
      'x-forwarded-for': '198.51.100.9',
    });
  });
});

describe('headers of an answer', () => {
  const answered = {
    connection: 'X-Hop',
    'x-hop': '1',
    'keep-alive': 'timeout=5',
    'transfer-encoding': 'chunked',
    'content-type': 'application/json',
    'set-cookie': ['a=b'],
    'x-request-id': 'request-1',
  };

  test('end at the hop they belong to', () => {
    expect(answerHeaders(answered, 'from identity')).toEqual({
      'content-type': 'application/json',
      'set-cookie': ['a=b'],
      'x-request-id': 'request-1',
    });
  });

  test('set cookies, and say which pages may read, only for identity', () => {
    const open = { ...answered, 'access-control-allow-origin': '*' };
    const kept = answerHeaders(open, { token: 'a.b.c' });
    expect(Object.keys(kept)).toEqual(['content-type', 'x-request-id']);
    expect(answerHeaders(open, 'from identity')).toMatchObject({
      'set-cookie': ['a=b'],
      'access-control-allow-origin': '*',
    });
  });

  test('a relying service cannot hand out the token that it was given', () => {
    const echoing = { ...answered, 'x-echo': 'Bearer a.b.c', link: ['<x>', '</?t=a.b.c>'] };
    const kept = answerHeaders(echoing, { token: 'a.b.c' });
    expect(Object.keys(kept)).toEqual(['content-type', 'x-request-id']);
  });

  test('what a service lets be kept is for one person, unless it speaks of shared caches itself', () => {
    const told = (value: string) =>
      answerHeaders({ 'cache-control': value }, { token: 'a.b.c' })['cache-control'];
    expect(told('max-age=60')).toBe('private, max-age=60');
    for (const own of ['no-store', 'private', 'Public, max-age=60', 's-maxage=1'])
      expect(told(own)).toBe(own);
    const open = { 'cache-control': 'max-age=60' };
    expect(answerHeaders(open, 'from identity')).toEqual(open);
  });
});
