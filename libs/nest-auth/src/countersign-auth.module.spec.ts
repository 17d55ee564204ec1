import 'reflect-metadata';
import { expect, test } from '@jest/globals';
import { NestFactory } from '@nestjs/core';
import { CountersignAuthModule } from './countersign-auth.module.js';

const verifier = { verify: () => Promise.reject(new Error()), close: () => Promise.resolve() };
const start = (module: object) =>
  NestFactory.createApplicationContext(module as never, { logger: false, abortOnError: false });
/** As a program in JavaScript may write them. */
const given = (options: object) => options as never;

test.each([
  ['a misspelt option', { verifier, cookie: {} }, 'forRoot knows no "cookie"'],
  ['a guard nobody knows', { verifier, guard: 'nativ' }, "guard must be 'native', 'passport'"],
])('%s is refused when it is written', (_name, options, fault) => {
  expect(() => CountersignAuthModule.forRoot(given(options))).toThrow(fault);
});

test('no verifier, or two, are refused', async () => {
  const fault = 'either a verifier or verifierOptions';
  for (const options of [{}, { verifier, verifierOptions: {} }, { verifier: undefined }]) {
    await expect(start(CountersignAuthModule.forRoot(given(options)))).rejects.toThrow(fault);
  }
});

test('a guard that a factory returns, where it is of no effect, is refused', async () => {
  const useFactory = () => given({ verifier, guard: 'none' });
  await expect(start(CountersignAuthModule.forRootAsync({ useFactory }))).rejects.toThrow(
    'knows no "guard"',
  );
});
