import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { connect as connectPlainly } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { createHttpApp } from './http-app.js';
import { createLogger } from './logger.js';
import { createMetrics } from './metrics.js';
import { readTls, renewCertificates, tlsFaults } from './tls-files.js';

const folder = mkdtempSync(join(tmpdir(), 'countersign-tls-'));
const at = (name: string) => join(folder, name);
const settings = { TLS_CERTIFICATE_FILE: at('tls.crt'), TLS_KEY_FILE: at('tls.key') };

function makeCertificate(name: string): void {
  const args = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=${name} -keyout ${at(`${name}.key`)} -out ${at(`${name}.crt`)}`;
  expect(spawnSync('openssl', args.split(' ')).status).toBe(0);
}

function install(name: string): void {
  for (const end of ['key', 'crt']) copyFileSync(at(`${name}.${end}`), at(`tls.${end}`));
}

beforeAll(() => {
  makeCertificate('first');
  makeCertificate('second');
  install('first');
});

afterAll(() => rmSync(folder, { recursive: true }));

it('serves a renewed certificate without a restart, and never one without its key', async () => {
  const server = createServer(readTls(settings)!, (_request, response) => response.end()).listen(0);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const served = async () => {
    const socket: TLSSocket = connect({ port, rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    const { subject } = socket.getPeerCertificate();
    socket.destroy();
    return subject.CN;
  };
  const logger = createLogger({ name: 'test', level: 'fatal', format: 'json' });
  const end = renewCertificates([server], settings, logger, 20);
  try {
    expect(await served()).toBe('first');
    writeFileSync(at('tls.crt'), readFileSync(at('second.crt')));
    await delay(200);
    expect(await served()).toBe('first');
    install('second');
    const limit = performance.now() + 20_000;
    while ((await served()) !== 'second' && performance.now() < limit) await delay(20);
    expect(await served()).toBe('second');
  } finally {
    end();
    server.close();
  }
});

it('waits only so long for who begins no handshake', async () => {
  install('first');
  const logger = createLogger({ name: 'test', level: 'fatal', format: 'json' });
  const tls = readTls(settings);
  const app = await createHttpApp({ module: Object }, { logger, metrics: createMetrics(), tls });
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  const start = performance.now();
  await once(connectPlainly(port, '127.0.0.1').resume(), 'close');
  expect(performance.now() - start).toBeLessThan(15_000);
  await app.close();
});

it('says before the start what is wrong', () => {
  expect(tlsFaults({})).toEqual([]);
  install('first');
  expect(tlsFaults(settings)).toEqual([]);
  expect(tlsFaults({ TLS_KEY_FILE: at('tls.key') })).toHaveLength(1);
  expect(tlsFaults({ TLS_CERTIFICATE_FILE: at('tls.crt') })).toHaveLength(1);
  copyFileSync(at('second.key'), at('tls.key'));
  expect(tlsFaults(settings)).toEqual([
    ['TLS_CERTIFICATE_FILE', expect.stringContaining('cannot')],
  ]);
  expect(tlsFaults({ ...settings, TLS_KEY_FILE: at('none') }).join()).toContain('ENOENT');
});
