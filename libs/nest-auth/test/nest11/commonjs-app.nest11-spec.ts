import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { startTestIssuer } from '@countersign/test-kit';
import { ask, PLATFORMS, until, verifierOptions } from '../start-app.js';

const PROJECT = fileURLToPath(new URL('../../../../.cache/nest11', import.meta.url));

const everywhere = PLATFORMS.flatMap((platform) =>
  (['native', 'passport'] as const).map((guard) => ({ platform, guard })),
);

describe.each(everywhere)(
  'a CommonJS application on Nest 11, $platform, with the $guard guard',
  ({ platform, guard }) => {
    test('requires the packed libraries, and refuses what is revoked', async () => {
      const issuer = await startTestIssuer();
      const options = JSON.stringify(verifierOptions(issuer));
      const args = [join(PROJECT, 'commonjs-app.cjs'), platform, guard, options];
      const app = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
      const ended = once(app, 'exit');
      const [port] = (await Promise.race([once(app.stdout, 'data'), ended])) as [Buffer];
      const url = `http://127.0.0.1:${String(port).trim()}/who`;

      const token = await issuer.issue({ sub: 'somebody', sid: 'ended' });
      const headers = ['Authorization', `Bearer ${token}`];
      const { status, body } = await ask(url, headers);
      expect({ status, body }).toEqual({ status: 200, body: '{"subject":"somebody"}' });
      expect(await ask(url)).toMatchObject({ status: 401 });
      const { seq } = issuer.revoke({ kind: 'sid', id: 'ended' });
      await until(() => issuer.checkIns.some(({ applied }) => applied?.seq === seq));
      const refused = await ask(url, headers);
      expect(refused.status).toBe(401);
      expect(refused.headers['www-authenticate']).toBe('Bearer error="invalid_token"');
      expect(JSON.parse(refused.body)).toMatchObject({ code: 'revoked' });

      app.stdin.end();
      expect((await ended)[0]).toBe(0);
      await issuer.stop();
    }, 30_000);
  },
);
