import { createServer, type Server } from 'node:net';
import {
  describePortHolder,
  findPortHolder,
  firstLsofPid,
  listeningInodes,
} from './port-holder.js';
import { findFreePort, isPortFree } from './ports.js';

const procNetTcp = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0BD8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11111 1 0 100 0 0 10 0
   1: 0100007F:0BD8 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 22222 1 0 20 4 30 10 -1
   2: 0100007F:C350 0100007F:0BD8 01 00000000:00000000 00:00000000 00000000     0        0 33333 1 0 20 4 30 10 -1
`;

describe('/proc/net/tcp', () => {
  it('tells who listens, not who is connected', () => {
    expect(listeningInodes(procNetTcp, 3032)).toEqual(['11111']);
    expect(listeningInodes(procNetTcp, 50000)).toEqual([]);
    expect(listeningInodes('', 3032)).toEqual([]);
  });
});

describe('lsof', () => {
  it('prints the process id on a line of its own', () => {
    expect(firstLsofPid('p812\nf20\n')).toBe(812);
    expect(firstLsofPid('')).toBeUndefined();
  });
});

describe('a port that is taken', () => {
  let server: Server;
  let port: number;

  beforeAll(async () => {
    port = await findFreePort();
    server = createServer();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  it('was not one of those that systems give to whoever connects somewhere', () => {
    expect(port).toBeLessThan(32_768);
  });

  it('is not free, and its holder is found', async () => {
    expect(await isPortFree(port)).toBe(false);
    const holder = await findPortHolder(port);
    expect(holder?.pid).toBe(process.pid);
    expect(describePortHolder(holder)).toContain(`process ${process.pid} (`);
  });

  it('has a holder that can be described with as much as is known', () => {
    expect(describePortHolder(undefined)).toContain('another process');
    expect(describePortHolder({ pid: 5, command: undefined })).toBe('process 5');
    expect(describePortHolder({ pid: 5, command: 'x'.repeat(500) }).length).toBeLessThan(150);
  });
});
