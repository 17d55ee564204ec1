import { parseMajorVersion } from './binaries.js';
import { failureThatMayPass } from './bring-up-server.js';
import { parseOwner } from './claim-folder.js';
import { serverEnvironment } from './server-environment.js';
import { serverSettings } from './server-process.js';
import { serverUrl } from './server-url.js';

describe('the settings of a server', () => {
  it('let nobody in but the loopback address', () => {
    for (const durable of [true, false]) {
      const settings = serverSettings(3032, durable);
      expect(settings['listen_addresses']).toBe('127.0.0.1');
      expect(settings['unix_socket_directories']).toBe('');
    }
  });

  it('give up durability only when told so', () => {
    expect(serverSettings(3032, true)['fsync']).toBeUndefined();
    expect(serverSettings(3032, false)['fsync']).toBe('off');
  });
});

describe('the environment of a server', () => {
  it('has nothing of the shell that would change what Postgres does', () => {
    const env = { PATH: '/bin', PGDATA: '/elsewhere', PGPORT: '1', LC_ALL: 'de_DE.UTF-8' };
    expect(serverEnvironment(env)).toEqual({ PATH: '/bin', LC_ALL: 'C', TZ: 'UTC' });
  });
});

describe('a server that ended before it was ready', () => {
  it('is started again when the cause may pass', () => {
    expect(failureThatMayPass(['FATAL:  pre-existing shared memory block'], false)).toBe(1_000);
    expect(failureThatMayPass(['could not bind: Address already in use'], true)).toBe(0);
  });

  it('is not started again when it may not', () => {
    expect(failureThatMayPass(['could not bind: Address already in use'], false)).toBeUndefined();
    expect(failureThatMayPass(['FATAL:  out of memory'], true)).toBeUndefined();
    expect(failureThatMayPass([], true)).toBeUndefined();
  });
});

describe('small readings', () => {
  it('find the major version', () => {
    expect(parseMajorVersion('postgres (PostgreSQL) 18.4')).toBe(18);
    expect(parseMajorVersion('command not found')).toBeUndefined();
  });

  it('take a mark of ownership only when it is whole', () => {
    expect(parseOwner('{"pid":7,"started":"12"}')).toEqual({ pid: 7, started: '12' });
    expect(parseOwner('{"pid":7,"sta')).toBeUndefined();
    expect(parseOwner('{"pid":"7","started":"12"}')).toBeUndefined();
  });

  it('encode every part of a URL', () => {
    expect(serverUrl(3032, 'a/b', { name: 'me@', password: 'p:/?' })).toBe(
      'postgres://me%40:p%3A%2F%3F@127.0.0.1:3032/a%2Fb',
    );
  });
});
