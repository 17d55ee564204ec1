import { parseRedisUrl } from './redis-address.js';

it.each([
  ['redis://localhost', { hosts: [{ host: 'localhost', port: 6379 }], tls: false, database: 0 }],
  [
    'rediss://reader:p%40ss@redis.example:6380/2',
    {
      hosts: [{ host: 'redis.example', port: 6380 }],
      tls: true,
      username: 'reader',
      password: 'p@ss',
      database: 2,
    },
  ],
  [
    'redis://:secret@[::1]:7000',
    { hosts: [{ host: '::1', port: 7000 }], tls: false, password: 'secret', database: 0 },
  ],
  [
    'rediss+sentinel://reader:pw@a,b:26380/main',
    {
      hosts: [
        { host: 'a', port: 26379 },
        { host: 'b', port: 26380 },
      ],
      master: 'main',
      tls: true,
      username: 'reader',
      password: 'pw',
      database: 0,
    },
  ],
])('%s is understood', (url, address) => {
  expect(parseRedisUrl(url)).toEqual(address);
});

it.each([
  'http://localhost',
  'redis://',
  'redis://a,b',
  'redis://a:0',
  'redis://a:70000',
  'redis://a/name',
  'redis+sentinel://a,b',
  'redis://a?x=1',
  'redis://u:%zz@a',
  'localhost:6379',
])('%s is refused', (url) => {
  expect(parseRedisUrl(url)).toBeUndefined();
});
