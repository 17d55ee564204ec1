import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startThrowAwayRedis } from '@countersign/test-kit';
import type { ThrowAwayRedis } from '@countersign/test-kit';

const page = readFileSync(
  fileURLToPath(new URL('../../docs/operations/redis.md', import.meta.url)),
  'utf8',
);

/** The blocks of docs/operations/redis.md in one language, in order. */
export function blocksOf(language: string): string[] {
  const form = new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm');
  return [...page.matchAll(form)].map(([, block = '']) => block.trim());
}

/** What docs/operations/redis.md describes, on loopback: three servers and three Sentinels, with TLS and users. */
export class RedisInstallation {
  private constructor(
    private readonly folder: string,
    readonly servers: ThrowAwayRedis[],
    readonly sentinels: ThrowAwayRedis[],
  ) {}

  static async start(): Promise<RedisInstallation> {
    const folder = mkdtempSync(join(tmpdir(), 'countersign-redis-'));
    const installation = new RedisInstallation(folder, [], []);
    const [certificate = ''] = blocksOf('sh');
    const { code, text } = await installation.enter(`cd /etc/redis && ${certificate}`);
    if (code !== 0) throw new Error(text);
    writeFileSync(join(folder, 'users.acl'), `${blocksOf('acl').join('\n')}\n`);
    const passwords = ['relay-password', 'verifier-password', 'sentinels-password'];
    for (const password of passwords) writeFileSync(join(folder, password), password);

    const [server = '', replicated = '', sentinel = ''] = blocksOf('conf');
    const first = `${server}\n${replicated.replace(/^replicaof.*$/m, '')}`;
    await installation.#startOne(installation.servers, first);
    for (const n of [2, 3])
      await installation.#startOne(installation.servers, `${server}\n${replicated}`, n);
    // A failover in seconds, so that a test need not wait.
    const hasty = sentinel.replace('main 5000', 'main 1000').replace('main 30000', 'main 6000');
    for (const n of [1, 2, 3]) await installation.#startOne(installation.sentinels, hasty, n);
    return installation;
  }

  /** The settings of a process, as one of the users. */
  settings(user: 'relay' | 'verifier'): Record<string, string> {
    const [block = ''] = blocksOf('ini');
    const text = this.#here(block).replace(/relay/g, user);
    return Object.fromEntries(
      text.split('\n').map((line) => {
        const at = line.indexOf('=');
        return [line.slice(0, at), line.slice(at + 1)];
      }),
    );
  }

  /** Runs lines of the page. */
  enter(lines: string): Promise<{ code: number | null; text: string }> {
    return new Promise((resolve) => {
      const child = execFile('sh', ['-c', this.#here(lines)], (_error, out, err) =>
        resolve({ code: child.exitCode, text: `${out}${err}` }),
      );
    });
  }

  async stop(): Promise<void> {
    for (const server of [...this.sentinels, ...this.servers]) await server.stop();
    await rm(this.folder, { recursive: true });
  }

  async #startOne(among: ThrowAwayRedis[], block: string, n = 1): Promise<void> {
    const settings: Record<string, string> = {};
    for (const line of this.#here(block).split('\n')) {
      const [, name, value] = /^((?:sentinel )?\S+) (.+)$/.exec(line) ?? [];
      if (name && value && !/^(bind|port|tls-port)$/.test(name)) settings[name] = value;
    }
    const started = await startThrowAwayRedis({ settings, transport: 'tls' });
    if (among.push(started) !== n) throw new Error('started out of order');
  }

  /** The page's addresses and folders, as they are on this machine. */
  #here(text: string): string {
    const port = (of: ThrowAwayRedis[], n: number) => String(of[n]?.port);
    return text
      .replace('10.0.0.1,10.0.0.2,10.0.0.3/', () => {
        const all = this.sentinels.map((_, n) => `127.0.0.1:${port(this.sentinels, n)}`);
        return `${all.join(',')}/`;
      })
      .replace(/ 6379\b/g, ` ${port(this.servers, 0)}`)
      .replace(/ 26379\b/g, ` ${port(this.sentinels, 0)}`)
      .replace(/10\.0\.0\.\d/g, '127.0.0.1')
      .replace(/\/etc\/(redis|countersign)/g, this.folder);
  }
}
