import type { ExplanationJson } from '../operators/api/token-json.js';
import { instant, table } from './table.js';

const FORMS = {
  jwt: 'a JWT',
  refresh_token:
    'a refresh token: whoever has it can get access tokens. No service accepts it as one. Its proof was not checked',
  operator_token: 'it looks like an operator token: whoever has it can operate this identity',
  unknown: 'nothing that identity gives out as a token',
} as const satisfies Record<ExplanationJson['form'], string>;

const SIGNATURES = {
  good: 'good: one of our keys has signed it',
  bad: 'BAD: the key that it names has not signed it; what it says of itself is not to be believed',
  unknown_key:
    'NOT OURS: no key of ours has this kid; what it says of itself is not to be believed',
  unreadable: 'NONE: it lacks what every access token has, or is not spelled as one',
} as const satisfies Record<ExplanationJson['signature'], string>;

const INSTANTS = ['exp', 'iat', 'nbf', 'auth_time'];

/** What a token is, for people. */
export function explanationInWords(told: ExplanationJson): string {
  const { now, form, header, claims, signature } = told;
  return [
    FORMS[form],
    ...(form === 'jwt' ? [`signature  ${SIGNATURES[signature]}`] : []),
    '',
    ...membersOf('header', header, now),
    ...membersOf('claim', claims, now),
    ...factsInWords(told),
    '',
    servicesTable(told),
    ...laggards(told),
  ].join('\n');
}

function membersOf(kind: string, members: ExplanationJson['claims'], now: number): string[] {
  return Object.entries(members ?? {}).map(([name, value]) => {
    const isInstant = INSTANTS.includes(name) && typeof value === 'number';
    const said = isInstant && Math.abs(value) < 1e11 ? whenInWords(value, now) : printable(value);
    return `${kind} ${printable(name).slice(1, -1)} = ${said}`;
  });
}

function factsInWords({ now, key, session, account, client, revocations }: ExplanationJson) {
  return [
    ...(key ? [`key ${key.kid} is ${key.state}${since(key.ended_at ?? key.retired_at)}`] : []),
    ...(session
      ? [
          `session ${session.sid} ${session.state === 'live' ? 'is live' : `has ${session.state}`}${
            session.state === 'ended'
              ? `${since(session.ended_at)}: ${session.end_reason ?? 'no reason'}`
              : `: until ${whenInWords(session.expires_at ?? 0, now)}`
          }`,
        ]
      : []),
    ...(account ? [`account ${account.id} is ${account.state}`] : []),
    ...(client ? [`client ${printable(client.id)} is ${client.state}`] : []),
    ...revocations.map(
      ({ epoch, seq, kind, id, at }) =>
        `revocation ${String(epoch)}.${String(seq)} of ${whenInWords(at, now)} covers it: ${kind} ${printable(id)}`,
    ),
  ];
}

const since = (at: number | null) => (at === null ? '' : ` since ${instant(at)}`);

function servicesTable({ services }: ExplanationJson): string {
  return table(
    ['SERVICE', 'AUDIENCE', 'ACCEPTS', 'WHY NOT'],
    services.map(({ id, audience, accepts, code, reason }) => [
      id,
      audience ?? '-',
      accepts === null ? '-' : accepts ? 'yes' : 'NO',
      accepts === null
        ? 'decides as the service behind it'
        : code === null
          ? '-'
          : `${code}: ${reason ?? ''}`,
    ]),
  );
}

/** Instances that may decide otherwise than their service at the moment. */
function laggards({ services }: ExplanationJson): string[] {
  return services.flatMap(({ id, without_key: noKey, without_revocation: notApplied }) => [
    ...noKey.map((instance) => `${id} ${instance} has not reported the key: it fetches it first`),
    ...notApplied.map(
      (instance) => `${id} ${instance} has not reported the revocation: it MAY STILL ACCEPT it`,
    ),
  ]);
}

/** An instant, and how long ago or ahead that is. */
export function whenInWords(at: number, now: number): string {
  const seconds = Math.round(Math.abs(now - at));
  const [size, unit] =
    seconds < 120
      ? ([1, 's'] as const)
      : seconds < 7_200
        ? ([60, 'min'] as const)
        : seconds < 172_800
          ? ([3_600, 'h'] as const)
          : ([86_400, 'days'] as const);
  const span = `${String(Math.round(seconds / size))} ${unit}`;
  return `${instant(at)} (${at > now ? `in ${span}` : `${span} ago`})`;
}

/** JSON on one line, without anything that a terminal would obey: a token may come from anybody. */
export function printable(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
    (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
