import { Controller, Get, Module, Req } from '@nestjs/common';
import type { Type } from '@nestjs/common';
import type { AccessToken, TokenVerifier } from '@countersign/token-verifier';
import { startTestIssuer } from '@countersign/test-kit';
import type { TestIssuer } from '@countersign/test-kit';
import { ask, listen, makeApp, makeVerifier } from '../../test/start-app.js';
import { CountersignAuthModule } from '../countersign-auth.module.js';
import { CountersignStrategy } from './countersign.strategy.js';

let issuer: TestIssuer;
let verifier: TokenVerifier;

beforeAll(async () => {
  issuer = await startTestIssuer();
  verifier = makeVerifier(issuer);
  await verifier.ready();
});
afterAll(async () => {
  await verifier.close();
  await issuer.stop();
});

class Named extends CountersignStrategy {
  override validate(token: AccessToken): object {
    return token.subject === 'nobody' ? (null as unknown as object) : { name: token.subject };
  }
}

function moduleWith(given: TokenVerifier, strategy?: Type<CountersignStrategy>) {
  @Controller()
  class UserController {
    @Get()
    user(@Req() request: { user: object }) {
      return { user: request.user };
    }
  }
  @Module({
    imports: [
      CountersignAuthModule.forRoot({
        verifier: given,
        guard: 'passport',
        ...(strategy && { strategy }),
      }),
    ],
    controllers: [UserController],
  })
  class UserModule {}
  return UserModule;
}

const bearer = (token: string) => ['Authorization', `Bearer ${token}`];

it('an extended strategy makes the user, or says that there is none', async () => {
  const app = await makeApp(moduleWith(verifier, Named), 'fastify');
  const url = await listen(app);
  const known = await ask(url, bearer(await issuer.issue({ sub: 'ann' })));
  expect([known.status, JSON.parse(known.body)]).toEqual([200, { user: { name: 'ann' } }]);
  const unknown = await ask(url, bearer(await issuer.issue({ sub: 'nobody' })));
  expect(unknown.status).toBe(401);
  expect(JSON.parse(unknown.body)).toMatchObject({ code: 'token_not_accepted' });
  await app.close();
});

it('two applications in one process each believe their own issuer', async () => {
  const otherIssuer = await startTestIssuer();
  const otherVerifier = makeVerifier(otherIssuer);
  await otherVerifier.ready();
  const one = await makeApp(moduleWith(verifier), 'fastify');
  const other = await makeApp(moduleWith(otherVerifier), 'express');
  const urls = [await listen(one), await listen(other)];
  const tokens = [await issuer.issue(), await otherIssuer.issue()];
  const statuses = [];
  for (const url of urls)
    for (const token of tokens) statuses.push((await ask(url, bearer(token))).status);
  expect(statuses).toEqual([200, 401, 401, 200]);
  await Promise.all([one.close(), other.close()]);
  await otherVerifier.close();
  await otherIssuer.stop();
});
