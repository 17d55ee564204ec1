import { createHash } from 'node:crypto';
import type { PartStatus } from './parts-status.js';

const STYLE = `
  :root { color-scheme: light dark; font-family: system-ui, sans-serif; line-height: 1.5; }
  body { max-width: 42rem; margin: 3rem auto; padding: 0 1rem; }
  table { border-collapse: collapse; width: 100%; }
  th, td { text-align: start; padding: 0.35rem 0.75rem 0.35rem 0; border-bottom: 1px solid #8886; }
  code { font-family: ui-monospace, monospace; }
`;

/** Headers of the page: no script, nothing from elsewhere, and only the style that stands in it. */
export const START_PAGE_HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
} as const;

/** What stands on the page besides its fixed text. */
export interface StartPageFacts {
  readonly parts: readonly PartStatus[];
  /** Whether this gateway can verify tokens right now. */
  readonly verifies: boolean;
}

/** The page at `/`: what runs here, whether it answers, and where to go on. All its words are ours. */
export function startPage({ parts, verifies }: StartPageFacts): string {
  const rows = [
    { name: 'gateway', state: verifies ? 'verifies tokens' : 'cannot verify tokens right now' },
    ...parts.map(({ name, answers }) => ({
      name,
      state: answers ? 'answers' : 'does not answer',
    })),
  ];
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Countersign</title>
    <style>${STYLE}</style>
  </head>
  <body>
    <h1>Countersign</h1>
    <p>Access tokens that every service verifies by itself, and that are revoked everywhere at once.</p>
    <h2>Parts</h2>
    <table>
      <thead><tr><th scope="col">Part</th><th scope="col">State</th></tr></thead>
      <tbody>
${rows.map(({ name, state }) => `        <tr><td>${name}</td><td>${state}</td></tr>`).join('\n')}
      </tbody>
    </table>
    <h2>Open to everybody</h2>
    <ul>
      <li><a href="/.well-known/oauth-authorization-server">Metadata</a> (RFC 8414)</li>
      <li><a href="/.well-known/jwks.json">Signing keys</a> (JWKS)</li>
    </ul>
    <h2>Paths</h2>
    <table>
      <thead><tr><th scope="col">Path</th><th scope="col">Needs</th></tr></thead>
      <tbody>
        <tr><td><code>POST /auth/register</code></td><td>an e-mail address; the message sent to it says how to choose a password</td></tr>
        <tr><td><code>POST /auth/login</code></td><td>the e-mail address and the password; answers with an access token</td></tr>
        <tr><td><code>GET /auth/me</code></td><td>an access token</td></tr>
        <tr><td><code>GET, POST /orders</code></td><td>an access token</td></tr>
        <tr><td><code>POST /orders/{id}/pay</code></td><td>an access token</td></tr>
        <tr><td><code>GET, POST /payments</code></td><td>an access token</td></tr>
        <tr><td><code>POST /auth/logout</code></td><td>an access token; ends it in every service</td></tr>
      </tbody>
    </table>
  </body>
</html>
`;
}
