import 'reflect-metadata';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Catch } from '@nestjs/common';
import type { ArgumentsHost, INestApplication } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { startTestIssuer } from '@countersign/test-kit';
import type { TestIssuer } from '@countersign/test-kit';
import { ACCESS_COOKIE } from '@countersign/token-verifier';
import type { TokenVerifier } from '@countersign/token-verifier';
import { everywhere, moduleWith } from '../test/guarded-module.js';
import { ask, listen, makeApp, makeVerifier, until } from '../test/start-app.js';

const CANARY = 'canary';

/** Everything that a log could hold, with causes and stacks. */
const logged: string[] = [];
const note = (...args: unknown[]) =>
  void logged.push(inspect(args, { depth: 12, showHidden: true, maxStringLength: null }));
const logger = { log: note, error: note, warn: note, debug: note, verbose: note, fatal: note };

/** A team's own filter, that logs the whole of every error. */
@Catch()
class LogEverything extends BaseExceptionFilter {
  override catch(exception: unknown, host: ArgumentsHost): void {
    note(exception);
    super.catch(exception, host);
  }
}

const canaryClaims = {
  iss: `https://${CANARY}.example`,
  sub: `${CANARY}-sub`,
  aud: [`${CANARY}-aud`],
  jti: `${CANARY}-jti`,
  client_id: `${CANARY}-client`,
  sid: `${CANARY}-sid`,
  scope: `${CANARY}:scope`,
  roles: [`${CANARY}-role`],
};

/** Tokens that are refused, each for another reason and each with canaries in it. */
const REFUSED: Readonly<Record<string, (issuer: TestIssuer) => Promise<string> | string>> = {
  'of another issuer': (i) => i.issue(canaryClaims),
  'for others': (i) => i.issue({ ...canaryClaims, iss: i.issuer }),
  'of an unknown key': (i) => i.issue(mine(i), { kid: `${CANARY}-kid` }),
  'of another type': (i) => i.issue(mine(i), { typ: `${CANARY}+jwt` }),
  'with a header that must be understood': async (i) => {
    const header = { alg: 'RS256', typ: 'at+jwt', kid: CANARY, crit: [CANARY], [CANARY]: 1 };
    const [, ...rest] = (await i.issue(mine(i))).split('.');
    return [Buffer.from(JSON.stringify(header)).toString('base64url'), ...rest].join('.');
  },
  'with a claim of the wrong type': (i) => i.issue({ ...mine(i), exp: `${CANARY}-exp` }),
  expired: (i) => i.issue({ ...mine(i), iat: 1_700_000_000, exp: 1_700_000_300 }),
  'not valid yet': (i) => i.issue({ ...mine(i), nbf: 4_000_000_000 }),
  revoked: (i) => i.issue({ ...mine(i), sid: `${CANARY}-ended` }),
  'without the scope': (i) => i.issue(mine(i)),
  tampered: async (i) => `${(await i.issue(mine(i))).slice(0, -8)}AAAAAAAA`,
  'not a JWT': () => `${CANARY}.${CANARY}.${CANARY}`,
  'malformed in the header': () => `${CANARY} ${CANARY}`,
};

function mine({ issuer }: TestIssuer) {
  return { ...canaryClaims, iss: issuer, aud: ['orders'] };
}

describe.each(everywhere)('the $guard guard on $platform', ({ platform, guard }) => {
  let issuer: TestIssuer;
  let verifier: TokenVerifier;
  let app: INestApplication;
  let origin: string;

  beforeAll(async () => {
    issuer = await startTestIssuer();
    verifier = makeVerifier(issuer, { onOutcome: note });
    await verifier.ready();
    const cookies = { origins: ['https://shop.example'] };
    app = await makeApp(moduleWith(guard, { verifier, cookies }), platform, logger);
    app.useGlobalFilters(new LogEverything(app.getHttpAdapter()));
    origin = await listen(app);
    const { seq } = issuer.revoke({ kind: 'sid', id: `${CANARY}-ended` });
    await until(() => issuer.checkIns.some(({ applied }) => applied?.seq === seq));
    logged.length = 0;
  });

  afterAll(async () => {
    await app.close();
    await verifier.close();
    await issuer.stop();
  });

  test.each(Object.entries(REFUSED))(
    'tells nobody what a token says that is %s',
    async (_, tokenFor) => {
      const token = await tokenFor(issuer);
      const ways = [
        ['Authorization', `Bearer ${token}`],
        ['Cookie', `${ACCESS_COOKIE}=${token}`, 'Origin', 'https://shop.example'],
        ['Cookie', `${ACCESS_COOKIE}=${token}`, 'Origin', `https://${CANARY}.example`],
        ['Authorization', `Bearer ${token}`, 'Cookie', `${ACCESS_COOKIE}=${token}`],
      ];
      for (const headers of ways) {
        const before = logged.length;
        const answer = await ask(`${origin}/scoped`, headers, 'POST');
        expect(answer.status).toBeGreaterThanOrEqual(400);
        expect(answer.status).toBeLessThan(500);
        expect(logged.length).toBeGreaterThan(before);
        const told = [JSON.stringify(answer), ...logged.slice(before)].join('\n');
        for (const part of token.split(/[. ]/)) expect(told).not.toContain(part);
        expect(told.toLowerCase()).not.toContain(CANARY);
      }
    },
  );
});
