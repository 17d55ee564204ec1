import { jest } from '@jest/globals';
import { MAIL_USER, startMailServer } from '../apps/identity/test/mail-server.js';
import type { MailServer } from '../apps/identity/test/mail-server.js';
import { expectStatus, post, Stack, until } from './stack.js';

jest.setTimeout(240_000);

const PAGE = 'https://shop.example/account';

let server: MailServer;
let stack: Stack;
beforeAll(async () => {
  server = await startMailServer();
  const user = `${MAIL_USER.user}:${encodeURIComponent(MAIL_USER.password)}`;
  stack = await Stack.start(['identity'], {
    MAIL_DIR: '',
    SMTP_URL: `smtp://${user}@127.0.0.1:${String(server.port)}`,
    MAIL_FROM: 'The Shop <no-reply@shop.test>',
    ACCOUNT_PAGE_URL: PAGE,
  });
});
afterAll(async () => {
  await stack.stop();
  await server.stop();
});

const mailTo = async (email: string) => {
  const find = () => server.mails.find(({ recipients }) => recipients.includes(email));
  await until(() => find() !== undefined, 60_000);
  // Quoted-printable (RFC 2045 §6.7): soft breaks, and "=" itself.
  return find()!.raw.replaceAll('=\r\n', '').replaceAll('=3D', '=');
};

it('people are reached by SMTP, with a link to the page of the settings', async () => {
  const email = 'ann@example.test';
  await expectStatus(202, post(stack.url('public', '/auth/register'), { email }));
  const mail = await mailTo(email);
  const [, token] = /^ {2}https:\/\/shop\.example\/account#verify-email=([\w-]{43})\r$/m.exec(
    mail,
  )!;
  stack.know(token!);
  const body = { token, password: 'correct horse battery' };
  await expectStatus(200, post(stack.url('public', '/auth/email/verify'), body));
  await stack.signIn({ email, password: body.password });
});

it('a server that is away holds nobody up, and gets what was written meanwhile', async () => {
  const { port } = server;
  await server.stop();
  const email = 'bob@example.test';
  await expectStatus(202, post(stack.url('public', '/auth/password-reset'), { email }));
  await until(() => stack.logs().includes('a message could not be sent'), 60_000);
  const metrics = await (await fetch(stack.url('operator', '/metrics'))).text();
  expect(metrics).toMatch(/^countersign_mails_waiting 1$/m);
  expect(metrics).toMatch(/^countersign_mails_total\{outcome="failed"\} [1-9]/m);
  server = await startMailServer({ port });
  expect(await mailTo(email)).toContain('No account that can be used');
});

it('neither the password of the server nor an address or a token is in a log', () => {
  expect(stack.logs()).toContain('a message could not be sent');
  for (const secret of [...stack.secrets(), MAIL_USER.password, 'bob@example.test']) {
    expect(stack.logs()).not.toContain(secret);
  }
  expect(stack.logs()).not.toContain(encodeURIComponent(MAIL_USER.password));
});

it('without a way to send messages identity does not start, and says what is missing', async () => {
  const running = stack.launch('identity', {
    name: 'mute',
    env: { SMTP_URL: '', PUBLIC_PORT: '0', SERVICE_PORT: '0', OPERATOR_PORT: '0' },
  });
  await until(() => running.child.exitCode !== null, 60_000);
  expect(running.child.exitCode).not.toBe(0);
  expect(running.output()).toContain('give SMTP_URL and MAIL_FROM, or MAIL_DIR');
});
