import { isPostmasterCommand, parsePostmasterPid } from './postmaster-pid.js';

describe('postmaster.pid', () => {
  it('names process, data directory and port', () => {
    const text = '4230\n/srv/a b/data\n1763726947\n3032\n\n127.0.0.1\n  10 2\nready   \n';
    expect(parsePostmasterPid(text)).toEqual({
      pid: 4230,
      dataDirectory: '/srv/a b/data',
      port: 3032,
    });
  });

  it('may have been cut off by a crash', () => {
    expect(parsePostmasterPid('')).toBeUndefined();
    expect(parsePostmasterPid('garbage')).toBeUndefined();
    expect(parsePostmasterPid('17')).toEqual({ pid: 17, dataDirectory: '', port: undefined });
  });
});

describe('the command line of a server', () => {
  it('runs postgres on exactly that data directory', () => {
    expect(isPostmasterCommand('/opt/bin/postgres -D /srv/data -c port=1', '/srv/data')).toBe(true);
    expect(isPostmasterCommand('/opt/bin/postgres -D /srv/data2 -c port=1', '/srv/data')).toBe(
      false,
    );
    expect(isPostmasterCommand('vim postgres -D /srv/data.txt', '/srv/data')).toBe(false);
    expect(isPostmasterCommand('node server.js', '/srv/data')).toBe(false);
  });
});
