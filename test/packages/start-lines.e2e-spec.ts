import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startTestIssuer } from '@countersign/test-kit';
import type { TestIssuer } from '@countersign/test-kit';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { root, run } from './packed-libraries.js';

jest.setTimeout(120_000);

let folder: string;
let issuer: TestIssuer;

/** Takes the programs out of the README, each with its name in its first line, and compiles the one that must be. */
beforeAll(async () => {
  issuer = await startTestIssuer();
  folder = await mkdtemp(join(tmpdir(), 'countersign-start-lines-'));
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  const readme = await readFile(join(root, 'libs/token-verifier/README.md'), 'utf8');
  for (const [, program = '', name = ''] of readme.matchAll(/```[jt]s\n(\/\/ (\S+)\n.*?)```/gs)) {
    await writeFile(join(folder, name), program);
  }
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2023',
    strict: true,
    skipLibCheck: true,
    allowJs: true,
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
    types: ['node'],
    typeRoots: [join(root, 'node_modules/@types')],
    outDir: 'compiled',
  };
  const config = { compilerOptions, files: ['with-nest.ts'] };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
  const typescript = join(root, 'node_modules/typescript/bin/tsc');
  await run(process.execPath, [typescript, '-p', folder], folder);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await issuer.stop();
});

describe('the programs of the readme, started as they stand there', () => {
  test.each(['plain-node.js', 'with-fastify.js', 'with-express.js', 'compiled/with-nest.js'])(
    '%s lets a good token in, and refuses what is missing, bad, too little or revoked',
    async (program) => {
      const service = await start(program);
      try {
        const sid = `session-of-${program}`;
        const token = await issuer.issue({ sub: 'anna', sid });
        expect(await service.ask(token)).toEqual({ status: 200, body: { subject: 'anna' } });
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

/** Runs a program with the settings of the test issuer until its port answers. */
async function start(program: string) {
  const port = await freePort();
  const child = spawn(process.execPath, [join(folder, program)], {
    env: { ...issuer.environment, PORT: String(port) },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const ended = once(child, 'exit');
  const ask = async (token?: string) => {
    const headers: Record<string, string> =
      token === undefined ? {} : { authorization: `Bearer ${token}` };
    const answer = await fetch(`http://localhost:${String(port)}/`, { headers });
    const body = await answer.json();
    if (answer.ok) return { status: answer.status, body };
    const challenge = answer.headers.get('www-authenticate');
    return { status: answer.status, type: answer.headers.get('content-type'), challenge, body };
  };
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`${program} ended: ${errors}`);
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

async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const limit = performance.now() + 30_000;
  while (!(await condition())) {
    if (performance.now() > limit) throw new Error('it did not happen in time');
    await delay(50);
  }
}
