import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startTestIssuer } from '@countersign/test-kit';
import type { TestIssuer } from '@countersign/test-kit';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { freePorts } from '../../apps/identity/test/free-ports.js';
import { root, run } from './packed-libraries.js';

jest.setTimeout(240_000);

let folder: string;
let issuer: TestIssuer;
const starts = new Map<string, string>();

/** What the start for Nest goes into: an application as a team has it. */
const APPLICATION = `
import { CurrentToken, RequireScope } from '@countersign/nest-auth';
import type { AccessToken } from '@countersign/token-verifier';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { AuthModule } from './auth.module.js';

@RequireScope('orders:read')
@Controller()
class OrdersController {
  @Get()
  mine(@CurrentToken() token: AccessToken) {
    return token.subject;
  }
}

@Module({ imports: [AuthModule], controllers: [OrdersController] })
class AppModule {}

const app = await NestFactory.create(AppModule, new FastifyAdapter());
await app.listen(3000);
`;

/** Takes the programs out of the README, and compiles the one that must be. */
beforeAll(async () => {
  issuer = await startTestIssuer();
  folder = await mkdtemp(join(tmpdir(), 'countersign-start-lines-'));
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  const readme = await readFile(join(root, 'libs/token-verifier/README.md'), 'utf8');
  const heading = /^### ([^\n]+)\n(?:(?!^#).)*?^```[jt]s\n(.*?)^```/gms;
  for (const [, name = '', program = ''] of readme.matchAll(heading)) starts.set(name, program);
  await writeFile(join(folder, 'auth.module.ts'), starts.get('Nest') ?? '');
  await writeFile(join(folder, 'application.ts'), APPLICATION);
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2023',
    strict: true,
    skipLibCheck: true,
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
    types: ['node'],
    typeRoots: [join(root, 'node_modules/@types')],
  };
  const config = { compilerOptions, files: ['application.ts'] };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
  const typescript = join(root, 'node_modules/typescript/bin/tsc');
  await run(process.execPath, [typescript, '-p', folder], folder);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await issuer.stop();
});

describe('the programs of the readme, started as they stand there', () => {
  const names = ['Plain Node', 'Fastify', 'Express', 'Nest'];

  test.each(names)('%s: five lines', (name) => {
    expect(starts.get(name)?.trimEnd().split('\n')).toHaveLength(5);
  });

  test.each(names)(
    '%s lets a good token in, and refuses what is missing, bad, too little or revoked',
    async (name) => {
      const service = await start(name);
      try {
        const sid = `session-of-${name}`;
        const token = await issuer.issue({ sub: 'anna', sid });
        await until(async () => (await service.ask(token)).status !== 503);
        expect(await service.ask(token)).toEqual({ status: 200, text: 'anna' });
        expect(await service.ask()).toMatchObject({
          ...refused(401, 'credentials_required'),
          challenge: 'Bearer realm="countersign"',
        });
        expect(await service.ask('nonsense')).toMatchObject({
          ...refused(401, 'malformed'),
          challenge: 'Bearer error="invalid_token"',
        });
        const narrow = await issuer.issue({ scope: 'payments:read' });
        expect(await service.ask(narrow)).toMatchObject(refused(403, 'insufficient_scope'));
        await issuer.revokeWithReceipt({ kind: 'sid', id: sid });
        expect(await service.ask(token)).toMatchObject(refused(401, 'revoked'));
      } finally {
        await service.stop();
      }
    },
  );
});

function refused(status: number, code: string) {
  return { status, type: expect.stringContaining('application/problem+json'), body: { code } };
}

/** Runs a program, on another port, with the settings of the test issuer until it answers. */
async function start(name: string) {
  const [port = 0] = await freePorts(1);
  const program = join(folder, `${String(port)}.js`);
  const text =
    name === 'Nest' ? await readFile(join(folder, 'application.js'), 'utf8') : starts.get(name);
  await writeFile(program, (text ?? '').replace('3000', String(port)));
  const child = spawn(process.execPath, [program], {
    env: { ...issuer.environment },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const ended = once(child, 'exit');
  const ask = async (token?: string) => {
    const headers: Record<string, string> =
      token === undefined ? {} : { authorization: `Bearer ${token}` };
    const answer = await fetch(`http://localhost:${String(port)}/`, { headers });
    const text = await answer.text();
    if (answer.ok) return { status: answer.status, text };
    const body = JSON.parse(text) as unknown;
    const challenge = answer.headers.get('www-authenticate');
    return { status: answer.status, type: answer.headers.get('content-type'), challenge, body };
  };
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`${name} ended: ${errors}`);
    return ask().then(
      () => true,
      () => false,
    );
  });
  return {
    ask,
    stop: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const limit = performance.now() + 30_000;
  while (!(await condition())) {
    if (performance.now() > limit) throw new Error('it did not happen in time');
    await delay(50);
  }
}
