import { jest } from '@jest/globals';
import type { RevocationKind } from '@countersign/revocation';
import type { AccessToken } from './access-token.js';
import { WatchedTokens } from './watched-tokens.js';

const tokenOf = (n: number) =>
  ({
    tokenId: `j${String(n)}`,
    sessionId: n % 10 === 0 ? undefined : `s${String(n)}`,
    subject: `u${String(n % 500)}`,
    clientId: 'c',
    keyId: 'k',
  }) as AccessToken;

function watchThousand() {
  const looked: AccessToken[] = [];
  const watched = new WatchedTokens((token) => void looked.push(token));
  const streams = Array.from({ length: 1_000 }, (_, n) => {
    const until = new AbortController();
    watched.watch(tokenOf(n), 'closed', until.signal);
    return until;
  });
  looked.length = 0;
  return { watched, looked, streams };
}

describe('of a thousand watched tokens', () => {
  it.each<[RevocationKind, string, number]>([
    ['jti', 'j7', 1],
    ['sid', 's7', 1],
    ['sid', 's10', 0],
    ['sub', 'u7', 2],
    ['jti', 'unheard of', 0],
    ['client', 'other', 1_000],
    ['kid', 'k', 1_000],
    ['all', '*', 1_000],
  ])('a revocation of %s %s has %i looked at', (kind, id, count) => {
    const { watched, looked } = watchThousand();
    watched.checkCovered({ kind, id });
    expect(looked).toHaveLength(count);
    watched.close();
  });

  it('those that end let go of what says that their stream is over', () => {
    const watched = new WatchedTokens(() => new Error('revoked'));
    const shutdown = new AbortController();
    const letGo = jest.spyOn(shutdown.signal, 'removeEventListener');
    const kept = jest.spyOn(shutdown.signal, 'addEventListener');
    for (let n = 0; n < 10; n += 1) watched.watch(tokenOf(n), 'closed', shutdown.signal);
    expect(letGo).toHaveBeenCalledTimes(kept.mock.calls.length);
    expect(watched.size).toBe(0);
  });

  it('those whose streams are over are forgotten, the others are not', () => {
    const { watched, looked, streams } = watchThousand();
    for (const stream of streams.slice(0, 500)) stream.abort();
    watched.checkCovered({ kind: 'sub', id: 'u7' });
    expect(looked.map(({ tokenId }) => tokenId)).toEqual(['j507']);
    expect(watched.size).toBe(500);
    watched.close();
  });
});
