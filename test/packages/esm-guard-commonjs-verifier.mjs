// A Nest application whose guard is an ES module and whose verifier is not: two copies of one package in one process.
// Prints the status and code of every answer as one line of JSON.
// Usage: node esm-guard-commonjs-verifier.mjs <project that has installed the packages> <options of the verifier> <tokens>
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { CountersignAuthModule } from '@countersign/nest-auth';
import * as ours from '@countersign/token-verifier';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';

const [project, options, tokens] = process.argv.slice(2);
const theirs = createRequire(join(project, 'index.js'))('@countersign/token-verifier');

class AnyController {
  any() {
    return {};
  }
}
const route = Object.getOwnPropertyDescriptor(AnyController.prototype, 'any');
Get()(AnyController.prototype, 'any', route);
Controller()(AnyController);

async function answers(verifierOptions, guard) {
  const verifier = theirs.createTokenVerifier(verifierOptions);
  class AppModule {}
  Module({
    imports: [CountersignAuthModule.forRoot({ verifier, guard })],
    controllers: [AnyController],
  })(AppModule);
  const app = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: false });
  await app.init();
  await verifier.ready({ timeoutMs: 3_000 }).catch(() => undefined);
  const seen = [];
  for (const token of JSON.parse(tokens)) {
    const headers = { authorization: `Bearer ${token}` };
    const answer = await app.getHttpAdapter().getInstance().inject({ url: '/', headers });
    seen.push([answer.statusCode, answer.json().code ?? 'accepted']);
  }
  await app.close();
  await verifier.close();
  return seen;
}

const known = JSON.parse(options);
const unreachable = { ...known, discoveryUrl: 'http://127.0.0.1:1/metadata' };
console.log(
  JSON.stringify({
    copies: theirs.TokenRejected === ours.TokenRejected ? 1 : 2,
    native: await answers(known, 'native'),
    passport: await answers(known, 'passport'),
    unreachable: await answers(unreachable, 'native'),
  }),
);
