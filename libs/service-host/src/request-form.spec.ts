import { faultOfForm } from './request-form.js';

const good = { url: '/orders', httpVersionMajor: 1, rawHeaders: ['Host', 'x', 'X-Host', 'y'] };
const many = (count: number) => Array.from({ length: count }, () => ['x', 'y']).flat();

it.each([
  ['a usual one', {}, undefined],
  ['no host, in HTTP/1.0', { rawHeaders: [] }, undefined],
  ['two hosts', { rawHeaders: ['Host', 'x', 'HOST', 'x'] }, 'bad_request'],
  ['HTTP/0.9', { httpVersionMajor: 0 }, 'bad_request'],
  ['the address of another server', { url: 'http://evil.example/orders' }, 'bad_request'],
  ['the server as such', { url: '*' }, 'bad_request'],
  ['no target', { url: undefined }, 'bad_request'],
  ['two hundred headers', { rawHeaders: many(200) }, undefined],
  ['one more', { rawHeaders: many(201) }, 'headers_too_large'],
] as const)('a request of this form: %s', (_what, more, fault) => {
  expect(faultOfForm({ ...good, ...more } as Parameters<typeof faultOfForm>[0])).toBe(fault);
});
