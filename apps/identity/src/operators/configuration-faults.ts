/** What is looked at. */
export interface Configured {
  readonly issuerUrl: string;
  readonly clients: readonly { readonly id: string; readonly audiences: readonly string[] }[];
  readonly services: readonly { readonly id: string; readonly audience: string | null }[];
}

/**
 * What a valid configuration still has wrong, as sentences that say what to do: parts that were set up each for itself and do
 * not fit together. Pure.
 */
export function configurationFaults(configured: Configured): string[] {
  const { issuerUrl, clients, services } = configured;
  const faults: string[] = [];
  if (!isProtected(issuerUrl)) {
    faults.push(
      'ISSUER_URL is plain http to another machine: passwords and tokens cross the network in clear',
    );
  }
  const given = new Set(clients.flatMap(({ audiences }) => audiences));
  for (const { id, audience } of services) {
    if (audience !== null && !given.has(audience))
      faults.push(
        `relying service ${id} wants the audience ${audience}, which no client's tokens name: it will refuse them all`,
      );
  }
  return faults;
}

function isProtected(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return (
    protocol === 'https:' ||
    hostname === 'localhost' ||
    hostname === '[::1]' ||
    /^127\./.test(hostname)
  );
}
