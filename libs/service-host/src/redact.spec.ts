import { Writable } from 'node:stream';
import { createLogger } from './logger.js';
import { redactText } from './redact.js';

const jwt = `${Buffer.from('{"alg":"RS256","typ":"at+jwt"}').toString('base64url')}.${Buffer.from('{"sub":"u"}').toString('base64url')}.c2lnbmF0dXJl`;

it.each([
  [`token ${jwt} end`, 'token [redacted] end'],
  [`Authorization: Bearer abcdefgh123`, 'Authorization: Bearer [redacted]'],
  ['basic b3JkZXJzOnNlY3JldA==', 'basic [redacted]'],
  ['mail for Ann.O-Neil+x@mail.example.test!', 'mail for [redacted]!'],
  ['postgres://countersign:pw%21@localhost:5432/db', 'postgres://[redacted]@localhost:5432/db'],
  [
    '2 orders at http://localhost:8080/orders in 1.2 ms',
    '2 orders at http://localhost:8080/orders in 1.2 ms',
  ],
])('%s', (text, expected) => expect(redactText(text)).toBe(expected));

/** A logger and what it wrote. */
function logged(
  write: (logger: ReturnType<typeof createLogger>) => void,
  format: 'json' | 'pretty' = 'json',
): string {
  let text = '';
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  write(createLogger({ name: 'test', level: 'info', format, destination }));
  return text;
}

it('members that hold secrets are never written, however deep a request carries them', () => {
  const text = logged((logger) =>
    logger.info(
      {
        password: 'p-1',
        body: { password: 'p-2', token: 't-1', email: 'e-1' },
        req: { headers: { authorization: 'a-1', cookie: 'c-1' } },
        client_secret: 's-1',
      },
      'a message',
    ),
  );
  expect(text).toContain('a message');
  for (const secret of ['p-1', 'p-2', 't-1', 'e-1', 'a-1', 'c-1', 's-1'])
    expect(text).not.toContain(secret);
});

it('an error is written with its stack and code, without the query or request that it drags along', () => {
  const error = Object.assign(new Error('failed'), {
    code: '23505',
    parameters: ['p-1'],
    query: 'INSERT secret',
    config: { auth: 'a-1' },
  });
  const text = logged((logger) => logger.error({ err: error }, 'no'));
  expect(text).toContain('23505');
  expect(text).toContain('redact.spec.ts');
  for (const secret of ['p-1', 'INSERT', 'a-1']) expect(text).not.toContain(secret);
});

it('each line is one line of JSON, whatever a message holds', () => {
  const text = logged((logger) => logger.info('two\nlines "quoted"'));
  expect(text.trimEnd().split('\n')).toHaveLength(1);
  expect(JSON.parse(text)).toMatchObject({ msg: 'two\nlines "quoted"', name: 'test' });
});

it('the readable form is redacted as well', () => {
  expect(
    logged((logger) => logger.info({ password: 'p-1' }, `for ann@example.test`), 'pretty'),
  ).not.toMatch(/p-1|ann@/);
});

it.each(['json', 'pretty'] as const)(
  'nothing that a terminal would obey is written (%s)',
  (format) => {
    const evil = 'x\u001b[2J\r\b\u007f\u009b31m\u2028y\\u0041';
    const text = logged((logger) => {
      logger.info({ route: evil, path: 'C:\\new' }, evil);
      logger.error({ err: new Error(evil) }, 'failed');
    }, format);

    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028]/);
    expect(text).toContain('\\u001b[2J');
    if (format === 'json') {
      const [line = ''] = text.split('\n');
      expect(JSON.parse(line)).toMatchObject({ msg: evil, route: evil, path: 'C:\\new' });
    }
  },
);
