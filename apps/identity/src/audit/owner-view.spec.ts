import type { RecordedEntry } from './audit-log.js';
import { OWNER_ACTIONS, ownerView } from './owner-view.js';

const row: RecordedEntry = {
  id: '7',
  at: new Date(1_700_000_000_900),
  actor: 'account:a1',
  action: 'sign_in',
  target: 's1',
  accountId: 'a1',
  personal: { ip: '192.0.2.7', user_agent: 'a browser', device_name: 'a laptop' },
  details: { client_id: 'first-party', delivery: 'bearer', remember: false, secret: 'x' },
};

it('shows what the owner did, from where, and the details that are named for it', () => {
  expect(ownerView(row)).toEqual({
    action: 'sign_in',
    at: 1_700_000_000,
    by: 'you',
    ip: '192.0.2.7',
    user_agent: 'a browser',
    device_name: 'a laptop',
    sid: 's1',
    details: { client_id: 'first-party', delivery: 'bearer', remember: false },
  });
});

it('says nothing of operators but that it was them: no name, no reason', () => {
  const act: RecordedEntry = {
    ...row,
    actor: 'operator:alice',
    action: 'user.disable',
    target: 'a1',
    personal: null,
    details: { sessions: 2, reason: 'case 4711' },
  };
  expect(ownerView(act)).toEqual({
    action: 'user.disable',
    at: 1_700_000_000,
    by: 'operators',
    ip: null,
    user_agent: null,
    device_name: null,
    sid: null,
    details: { sessions: 2 },
  });
  for (const action of OWNER_ACTIONS) {
    const seen = JSON.stringify(ownerView({ ...act, action, details: { internal: 'case 4711' } }));
    expect(seen).not.toMatch(/alice|4711/);
  }
});

it.each([
  ['account:a1', 'you'],
  ['account:a2', 'operators'],
  ['stranger', 'somebody'],
  ['identity', 'identity'],
  ['console', 'operators'],
] as const)('%s is %s', (actor, by) => expect(ownerView({ ...row, actor })?.by).toBe(by));

it('what is for operators alone is not shown, nor what this build does not know', () => {
  expect(ownerView({ ...row, action: 'session.store_behind' })).toBeUndefined();
  expect(ownerView({ ...row, action: 'personal.erase' })).toBeUndefined();
  expect(ownerView({ ...row, action: 'later.invention' as 'sign_in' })).toBeUndefined();
  expect(ownerView({ ...row, action: 'constructor' as 'sign_in' })).toBeUndefined();
});
