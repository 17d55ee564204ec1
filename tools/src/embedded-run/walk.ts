import { issuerUrl } from './child-environments.js';
import type { Ports } from './ports.js';

/**
 * Shell commands that show a token's life: log in, use it at two services, log out, see it refused. For pasting into
 * any POSIX shell, interactive zsh included (so no comments), with nothing but curl and sed.
 *
 * @param demoFile absolute path of demo.json, which holds the password, so that the walk does not
 */
export function walkCommands(ports: Ports, demoFile: string): string {
  const bearer = '-H "Authorization: Bearer $TOKEN"';
  const json = "-H 'Content-Type: application/json'";
  return [
    `API=${issuerUrl(ports)}`,
    `PASSWORD=$(sed -n '/"customer"/,/}/s/.*"password": "\\(.*\\)".*/\\1/p' ${quote(demoFile)})`,
    `TOKEN=$(curl -sS "$API/auth/login" ${json} -d '{"email":"customer@example.test","password":"'"$PASSWORD"'"}' | ${pick('access_token')})`,
    `ORDER=$(curl -sS "$API/orders" ${bearer} ${json} -d '{"item":"book","amount_cents":1250}' | ${pick('id')})`,
    `curl -sS "$API/orders" ${bearer}; echo`,
    `curl -sS -X POST "$API/orders/$ORDER/pay" ${bearer}; echo`,
    `curl -sS "$API/payments" ${bearer}; echo`,
    `curl -sS -X POST "$API/auth/logout" ${bearer}; echo`,
    `sleep 1; curl -sS "$API/orders" ${bearer}; echo`,
  ].join('\n');
}

/** What is printed when everything is ready. `demoFile` is undefined when there are no demo accounts. */
export function welcome(
  ports: Ports,
  state: { readonly mailFolder: string; readonly demoFile: string | undefined },
): string {
  const addresses = [
    'Countersign is running. Ctrl-C stops it.',
    '',
    `  gateway          ${issuerUrl(ports)}`,
    `  its routes       ${issuerUrl(ports)}/auth/docs`,
    `  health, metrics  http://127.0.0.1:${ports.identityOperator}/health/ready, /metrics`,
    `  for services     http://localhost:${ports.identityService}/.well-known/oauth-authorization-server`,
    `  messages sent    ${state.mailFolder}`,
  ];
  if (state.demoFile === undefined) {
    return [...addresses, '', 'There are no demo accounts in a database of your own.', ''].join(
      '\n',
    );
  }
  return [
    ...addresses,
    `  demo accounts    ${state.demoFile}`,
    '  for operators    npx countersign doctor, npx countersign --help',
    '',
    walkHeading,
    '',
    walkCommands(ports, state.demoFile),
    '',
    walkEnding,
    'For more, run in another terminal: npm run demo',
    '',
  ].join('\n');
}

export const walkHeading =
  'A walk to copy and paste into another terminal: log in, order, pay, log out, be refused.';

export const walkEnding =
  'The last answer is a 401 with the code "revoked". To log in again, run the line that begins with TOKEN= again; ' +
  'a token lives for five minutes.';

/** A sed command that prints one string member of a JSON text. */
function pick(member: string): string {
  return `sed -n 's/.*"${member}":"\\([^"]*\\)".*/\\1/p'`;
}

/** As one word of a POSIX shell. */
export function quote(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
