// The gateways of the folder `gateways` for bench:gateway, each with its configuration as it stands, and with forward auth taken out.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdtemp, open as openFile, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../gateways', import.meta.url));
const PATH = `${process.env.PATH}:/usr/local/sbin:/usr/sbin:/sbin`;

/** For each: what to start it with, and how the file that makes it ask is changed so that it lets everybody in. */
const GATEWAYS = {
  nginx: {
    args: (run) => ['-c', join(run, 'nginx.conf'), '-g', 'daemon off;'],
    file: 'relying-service.conf',
    open: (text) => text.replace(/^auth_request .*\n/m, '').replace('$let_in', '$audience'),
  },
  caddy: {
    args: () => ['run', '--config', 'Caddyfile'],
    file: 'Caddyfile',
    open: (text) => text.replaceAll(/^\s+import forward_auth\n/gm, ''),
  },
  haproxy: {
    args: () => ['-f', 'haproxy.cfg'],
    file: 'haproxy.cfg',
    open: (text) => text.replaceAll(/^\s+http-request .*(?:lua\.forward-auth|is_let_in).*\n/gm, ''),
  },
};
export const PROGRAMS = Object.keys(GATEWAYS);

/**
 * @param options.asks whether it asks identity about each request; without, everybody is let in
 * @param options.settings of the configuration: where everything is
 */
export async function startEdge(program, { port, asks, settings }) {
  const { args, file, open } = GATEWAYS[program];
  const run = await mkdtemp(join(tmpdir(), `countersign-bench-${program}-`));
  await chmod(run, 0o755);
  await cp(join(folder, program), run, { recursive: true });
  const env = {
    ...settings,
    GATEWAY_PORT: String(port),
    GATEWAY_ADDRESS: `http://:${port}`,
    RUN_DIR: run,
  };
  if (!asks) await change(join(run, file), open);
  if (program === 'nginx') {
    const text = await readFile(join(run, 'nginx.conf.template'), 'utf8');
    const filled = text
      .replaceAll(/\$\{([A-Z_]+)\}/g, (_, name) => env[name])
      .replace('/dev/stdout edge', 'off')
      // A connection stays open however much is sent on it.
      .replace('server_tokens off;', '$& keepalive_requests 1000000;');
    await writeFile(join(run, 'nginx.conf'), filled);
  }
  const output = await openFile(join(run, 'output'), 'a');
  const child = spawn(program, args(run), {
    cwd: run,
    env: { PATH, HOME: run, ...env },
    stdio: ['ignore', output.fd, output.fd],
  });
  const exited = new Promise((resolve) => child.once('exit', resolve).once('error', resolve));
  await output.close();
  const edge = {
    name: asks ? program : `${program}, open`,
    port,
    async stop() {
      child.kill('SIGTERM');
      await exited;
      await rm(run, { recursive: true, force: true });
    },
  };
  for (let tries = 0; tries < 400; tries += 1) {
    if (child.pid === undefined || child.exitCode !== null) break;
    if (await takesConnections(port)) return edge;
    await delay(50);
  }
  const written = await readFile(join(run, 'output'), 'utf8');
  await edge.stop();
  throw new Error(`${program} did not start ("npm run test:setup" installs it): ${written}`);
}

/** Changes a file that must be there to be changed. */
async function change(path, how) {
  const before = await readFile(path, 'utf8');
  const after = how(before);
  if (after === before) throw new Error(`${path} does not ask identity anything`);
  await writeFile(path, after);
}

async function takesConnections(port) {
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
