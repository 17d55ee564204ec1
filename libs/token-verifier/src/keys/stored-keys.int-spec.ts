import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  closeAll,
  closeLater,
  first,
  outcome,
  publish,
  second,
  setOf,
  startKeyServer,
  until,
} from '../../test/key-server.js';
import { createTokenVerifier } from '../create-token-verifier.js';
import { keyFile } from './key-file.js';
import type { KeyStore } from './key-file.js';

afterEach(closeAll);

describe('a verifier that starts while the issuer is away', () => {
  async function startAway(fetchedSecondsAgo: number, jwks: string) {
    const server = await startKeyServer(first);
    server.answer = (request) => void request.socket.destroy();
    const folder = await mkdtemp(join(tmpdir(), 'countersign-key-file-'));
    closeLater(() => rm(folder, { recursive: true }));
    const file = join(folder, 'keys.json');
    await keyFile(file).save({ fetchedAt: Date.now() / 1000 - fetchedSecondsAgo, jwks });
    const verifier = createTokenVerifier({
      issuer: server.issuer,
      audience: 'orders',
      discoveryUrl: `${server.issuer}/metadata`,
      revocation: 'none',
      keyStore: keyFile(file),
    });
    closeLater(() => verifier.close());
    return { server, file, verifier };
  }

  it('goes on with the keys of its earlier life, at their age, and keeps the newer ones', async () => {
    const { server, file, verifier } = await startAway(3_600, setOf(first));
    await verifier.ready({ timeoutMs: 10_000 });
    expect(await outcome(verifier, server.token(first))).toBe('accepted');
    expect(verifier.state().keys.freshness).toBe('late');
    expect(Math.round(verifier.state().keys.ageSeconds / 60)).toBe(60);
    expect(await outcome(verifier, server.token(second))).toBe('keys_unreachable');
    server.answer = publish(second);
    await until(async () => (await outcome(verifier, server.token(second))) === 'accepted');
    await until(async () => (await keyFile(file).load())?.jwks === setOf(second));
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it.each([
    ['are too old', 13 * 3_600, () => setOf(first)],
    ['are from the future', -60, () => setOf(first)],
    ['must not be used', 60, () => '{"keys":[]}'],
  ])('is not ready with stored keys that %s', async (_name, age, jwks) => {
    const { server, verifier } = await startAway(age, jwks());
    await expect(verifier.ready({ timeoutMs: 1_000 })).rejects.toThrow(/not ready: keys/);
    expect(await outcome(verifier, server.token(first))).toBe('keys_unreachable');
  });
});

it.each<[string, KeyStore]>([
  ['hangs', { load: () => new Promise(() => undefined), save: () => new Promise(() => undefined) }],
  [
    'throws',
    {
      load: () => {
        throw new Error('no store');
      },
      save: () => {
        throw new Error('no store');
      },
    },
  ],
])('a store that %s keeps nobody from fetching keys', async (_name, keyStore) => {
  const server = await startKeyServer(first);
  server.answer = (request) => void request.socket.destroy();
  const verifier = createTokenVerifier({
    issuer: server.issuer,
    audience: 'orders',
    discoveryUrl: `${server.issuer}/metadata`,
    revocation: 'none',
    keyAges: { refreshSeconds: 0.1, softSeconds: 900, hardSeconds: 3_600 },
    keyStore,
  });
  closeLater(() => verifier.close());
  await until(() => server.asked.length > 0);
  server.answer = publish(first);
  await verifier.ready({ timeoutMs: 10_000 });
  const asked = server.asked.length;
  await until(() => server.asked.length > asked);
});
