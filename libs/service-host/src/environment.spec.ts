import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import {
  origin,
  port,
  proxyList,
  readEnvironment,
  secretFile,
  stalenessLimits,
} from './environment.js';

const schema = z.object({ NAME: z.string(), PORT: port.default(80), URL: origin });

it('reads what is there, fills in defaults, and gives nothing that was not asked for', () => {
  const read = readEnvironment(schema, { NAME: 'a', URL: 'https://x.example.test/', OTHER: 'b' });
  expect(read).toEqual({ NAME: 'a', PORT: 80, URL: 'https://x.example.test' });
  expect(Object.isFrozen(read)).toBe(true);
});

it('names every fault, and tells an absent setting from a wrong one', () => {
  const read = () => readEnvironment(schema, { NAME: '', PORT: 'eighty', URL: 'ftp://x' });
  expect(read).toThrow(/3 fault/);
  expect(read).toThrow(/NAME is required/);
  expect(read).toThrow(/PORT is not valid/);
  expect(read).toThrow(/URL is not valid: must be an http or https URL/);
});

const folder = mkdtempSync(join(tmpdir(), 'environment-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('a secret comes from a file, without its last line end', () => {
  writeFileSync(join(folder, 'good'), 's3cret\n');
  writeFileSync(join(folder, 'empty'), '\n');
  const read = (name: string) =>
    readEnvironment(z.object({ FILE: secretFile }), { FILE: join(folder, name) });
  expect(read('good')).toEqual({ FILE: 's3cret' });
  expect(() => read('empty')).toThrow(/FILE is not valid: the file is empty/);
  expect(() => read('missing')).toThrow(/FILE is not valid: the file cannot be read \(ENOENT\)/);
});

it('proxies are addresses and CIDRs, and none by default', () => {
  const read = (list?: string) => readEnvironment(z.object({ LIST: proxyList }), { LIST: list });
  expect(read()).toEqual({ LIST: [] });
  expect(read('10.0.0.0/8, ::1,,192.0.2.1, fd00::/8')).toEqual({
    LIST: ['10.0.0.0/8', '::1', '192.0.2.1', 'fd00::/8'],
  });
  for (const wrong of ['proxy.example', '10.0.0.0/33', '10.0.0.0/8;::1', 'true', '*']) {
    expect(() => read(wrong)).toThrow(/LIST/);
  }
});

it('the limits of staleness are two, and rise', () => {
  const read = (limits?: string) =>
    readEnvironment(z.object({ LIMITS: stalenessLimits }), { LIMITS: limits }).LIMITS;
  expect(read()).toEqual({ softSeconds: 10, hardSeconds: 60 });
  expect(read('2/5')).toEqual({ softSeconds: 2, hardSeconds: 5 });
  for (const wrong of ['1/5', '5/5', '60/10', '10', '10/', 'a/b', '10/60s'])
    expect(() => read(wrong)).toThrow(/LIMITS/);
});
