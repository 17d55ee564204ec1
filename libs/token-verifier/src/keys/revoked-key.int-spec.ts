import { setTimeout as delay } from 'node:timers/promises';
import { startTestIssuer } from '@countersign/test-kit';
import type { TestIssuer } from '@countersign/test-kit';
import { decodeProtectedHeader } from 'jose';
import { createTokenVerifier } from '../create-token-verifier.js';
import type { TokenVerifier } from '../token-verifier.js';

let issuer: TestIssuer;
let verifier: TokenVerifier;
const fetches: string[] = [];
beforeEach(async () => {
  issuer = await startTestIssuer();
  fetches.length = 0;
  verifier = createTokenVerifier({
    ...{ issuer: issuer.issuer, discoveryUrl: issuer.discoveryUrl, audience: 'orders' },
    credentials: issuer.credentials,
    onKeyFetch: (outcome) => void fetches.push(outcome),
  });
  await verifier.ready();
});
afterEach(async () => {
  await verifier.close();
  await issuer.stop();
});

const kidOf = (token: string) => decodeProtectedHeader(token).kid!;
/** Longer than the longest jitter. */
const settle = () => delay(1_500);
async function untilHeld(kid: string) {
  const held = () => verifier.state().keys.kids;
  while (held().length !== 1 || held()[0] !== kid) await delay(20);
}

it('a revoked key that is held is dropped by one fetch, and the next key is there before its first token', async () => {
  const stolen = await issuer.issue();
  await verifier.verify(stolen);
  const next = await issuer.rotate();
  issuer.revoke({ kind: 'kid', id: kidOf(stolen) });
  await untilHeld(next);
  await settle();
  expect(fetches).toHaveLength(2);
  await expect(verifier.verify(stolen)).rejects.toMatchObject({ code: 'revoked' });
  await verifier.verify(await issuer.issue());
  expect(fetches).toHaveLength(2);
});

it('the fetch does not wait for the cool-down that unknown kids cause, and starts none', async () => {
  const stolen = await issuer.issue();
  const unknown = await issuer.issue({}, { kid: 'nobody' });
  const next = await issuer.rotate();
  await expect(verifier.verify(unknown)).rejects.toMatchObject({ code: 'unknown_key' });
  issuer.revoke({ kind: 'kid', id: kidOf(stolen) });
  await untilHeld(next);
  await settle();
  expect(fetches).toHaveLength(3);
});

it('several at once cause one fetch; a key that is not held, and the same news again, cause none', async () => {
  const one = kidOf(await issuer.issue());
  const two = await issuer.rotate();
  await verifier.verify(await issuer.issue());
  expect(fetches).toHaveLength(2);
  const next = await issuer.rotate();
  for (const id of [one, two, one, 'nobody']) issuer.revoke({ kind: 'kid', id });
  await untilHeld(next);
  await settle();
  expect(fetches).toHaveLength(3);
  issuer.revoke({ kind: 'kid', id: one });
  await settle();
  expect(fetches).toHaveLength(3);
});
