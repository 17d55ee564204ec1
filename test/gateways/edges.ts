import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  cpSync,
  mkdtempSync,
  openSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from '../stack.js';

/** Where everything is that a gateway needs to know, as `host:port`. */
export interface Places {
  readonly identityPublic: string;
  readonly identityService: string;
  readonly orders: string;
  readonly payments: string;
  readonly port: number;
  readonly managementPort: number;
  /** Where TLS ends, with the certificate and its key as PEM. */
  readonly tls: { readonly port: number; readonly certificate: string; readonly key: string };
}

/** A gateway of the folder `gateways`, as its own process. */
export interface Edge {
  readonly origin: string;
  /** Where its files are. */
  readonly folder: string;
  /** What it has written so far. */
  output(): string;
  stop(): Promise<void>;
}

export type Program = 'nginx' | 'caddy' | 'haproxy';

const configurations = fileURLToPath(new URL('../../gateways', import.meta.url));
// Debian keeps servers in sbin, which is not on everybody's PATH.
const PATH = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`;

/** Starts one, with its configuration as it stands in `gateways/` but for `changes`, and waits until it takes connections. */
export async function startEdge(
  program: Program,
  places: Places,
  changes: Readonly<Record<string, (text: string) => string>> = {},
): Promise<Edge> {
  const folder = mkdtempSync(join(tmpdir(), `countersign-${program}-`));
  // Workers of a server that root has started are somebody else.
  chmodSync(folder, 0o755);
  cpSync(join(configurations, program), folder, { recursive: true });
  const env = settingsOf(places, folder);
  endTls(program, folder, places.tls);
  for (const [file, how] of Object.entries(changes)) change(folder, file, file, how);
  // A file: nginx opens /dev/stdout by its name, which nobody can with the sockets that Node has for pipes.
  const log = join(folder, 'output.log');
  const descriptor = openSync(log, 'a');
  const child = spawn(program, argumentsOf(program, folder, env), {
    cwd: folder,
    env: { PATH, HOME: folder, ...env },
    stdio: ['ignore', descriptor, descriptor],
  });
  closeSync(descriptor);
  const output = () => readFileSync(log, 'utf8');
  const ended = endOf(child);
  let fault: string | undefined;
  void ended.then((why) => (fault = why));
  await until(async () => fault !== undefined || (await takesConnections(places.port)), 30_000);
  if (fault !== undefined) {
    const written = output();
    await rm(folder, { recursive: true, force: true });
    throw new Error(`${program}: ${fault}\n${written}`);
  }
  return {
    origin: `http://127.0.0.1:${String(places.port)}`,
    folder,
    output,
    async stop() {
      child.kill('SIGTERM');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The names that the configurations use. */
function settingsOf(places: Places, folder: string): Record<string, string> {
  return {
    GATEWAY_PORT: String(places.port),
    GATEWAY_ADDRESS: `http://:${String(places.port)}`,
    MANAGEMENT_PORT: String(places.managementPort),
    IDENTITY_PUBLIC: places.identityPublic,
    IDENTITY_SERVICE: places.identityService,
    ORDERS: places.orders,
    PAYMENTS: places.payments,
    RUN_DIR: folder,
  };
}

/** Does what the files say that is to be done for TLS. */
function endTls(program: Program, folder: string, { port, certificate, key }: Places['tls']): void {
  writeFileSync(join(folder, 'tls.crt'), certificate);
  writeFileSync(join(folder, 'tls.key'), key);
  writeFileSync(join(folder, 'tls.pem'), certificate + key);
  const here = (text: string) =>
    text.replaceAll(/\/etc\/countersign-\w+/g, folder).replace('8443', String(port));
  switch (program) {
    case 'nginx':
      change(folder, 'tls.conf.example', 'tls.conf', here);
      return;
    case 'caddy':
      change(folder, 'tls.caddy.example', 'tls.caddy', here);
      return;
    case 'haproxy':
      change(folder, 'haproxy.cfg', 'haproxy.cfg', (text) =>
        here(text.replace('# bind :8443', 'bind :8443')),
      );
  }
}

function change(folder: string, from: string, to: string, how: (text: string) => string): void {
  writeFileSync(join(folder, to), how(readFileSync(join(folder, from), 'utf8')));
}

function argumentsOf(program: Program, folder: string, env: Record<string, string>): string[] {
  switch (program) {
    case 'nginx': {
      const fill = (text: string) =>
        text.replaceAll(/\$\{([A-Z_]+)\}/g, (_, name: string) => env[name] ?? '');
      change(folder, 'nginx.conf.template', 'nginx.conf', fill);
      return ['-c', join(folder, 'nginx.conf'), '-g', 'daemon off;'];
    }
    case 'caddy':
      return ['run', '--config', join(folder, 'Caddyfile')];
    case 'haproxy':
      return ['-f', join(folder, 'haproxy.cfg')];
  }
}

/** @returns why it has ended */
async function endOf(child: ChildProcess): Promise<string> {
  try {
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
    return `it ended (${String(code ?? signal)})`;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT'
      ? 'it is not installed: run "npm run test:setup", or install the Debian package of this name'
      : String(error);
  }
}

async function takesConnections(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
