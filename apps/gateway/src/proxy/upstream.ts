/** A service behind the gateway, and what reaches it. */
export interface Upstream {
  readonly name: 'identity' | 'orders' | 'payments';
  readonly origin: string;
  readonly paths: readonly string[];
  /** What is asked, without a token, to see whether it answers at all: a path that it has, for its log shows the answer. */
  readonly probe: string;
  /** For a relying service its name in `aud`, which every token must hold; `null` for identity, which reads credentials itself. */
  readonly audience: string | null;
}

/** Where the upstreams are. */
export interface UpstreamOrigins {
  readonly identity: string;
  readonly orders: string;
  readonly payments: string;
}

/** All that is routed. Whatever is not here is answered 404. */
export function upstreams(origins: UpstreamOrigins): readonly Upstream[] {
  return [
    {
      name: 'identity',
      origin: origins.identity,
      paths: ['/auth/*', '/oauth/token', '/oauth/revoke', '/.well-known/*'],
      probe: '/.well-known/jwks.json',
      audience: null,
    },
    {
      name: 'orders',
      origin: origins.orders,
      paths: ['/orders', '/orders/*'],
      probe: '/orders',
      audience: 'orders',
    },
    {
      name: 'payments',
      origin: origins.payments,
      paths: ['/payments', '/payments/*'],
      probe: '/payments',
      audience: 'payments',
    },
  ];
}
