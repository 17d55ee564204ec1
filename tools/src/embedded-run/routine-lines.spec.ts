import { isRoutine } from './routine-lines.js';

const answered = (route: string, status: number) =>
  JSON.stringify({
    level: 'info',
    time: '1970-01-01T00:00:00.000Z',
    method: 'GET',
    route,
    status,
    ms: 1,
    msg: 'answered',
  });

describe('a routine line of a log', () => {
  it.each([
    '/relying-services/check-in',
    '/revocations',
    '/revocations/feed',
    '/.well-known/jwks.json',
    '/health/ready',
  ])('is an answer to %s that went well', (route) => {
    expect(isRoutine(answered(route, 200))).toBe(true);
    expect(isRoutine(answered(route, 401))).toBe(false);
    expect(isRoutine(answered(route, 503))).toBe(false);
  });

  it('is the head of the audit log, and nothing that is wrong with it', () => {
    const line = {
      level: 'info',
      time: '1970-01-01T00:00:00.000Z',
      head: '1:x',
      msg: 'head of the audit log',
    };
    expect(isRoutine(JSON.stringify(line))).toBe(true);
    expect(isRoutine(JSON.stringify({ ...line, level: 'error' }))).toBe(false);
    expect(isRoutine(JSON.stringify({ ...line, msg: 'the audit log was not sealed' }))).toBe(false);
  });

  it('is nothing that a person has asked for', () => {
    expect(isRoutine(answered('/auth/login', 200))).toBe(false);
    expect(isRoutine(answered('/orders', 200))).toBe(false);
    expect(isRoutine('identity is listening')).toBe(false);
    expect(isRoutine(JSON.stringify({ level: 'error', msg: 'lost "route":"/revocations"' }))).toBe(
      false,
    );
  });
});
